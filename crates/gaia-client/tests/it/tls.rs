//! A server that proves who it is, and one that cannot.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use gaia_client::{Client, Config};
use gaia_locks::error::ServerError;
use gaia_locks::{Error, Locks as _};
use gaia_server::{Role, Tls};

use crate::server::{Server, service_in};

/// A certificate for this machine's own address that vouches for itself.
fn certificate(folder: &Path, name: &str) -> Option<Tls> {
    certificate_that_is(folder, name, "CA:FALSE")
}

fn certificate_that_is(folder: &Path, name: &str, what: &str) -> Option<Tls> {
    let (certificates, key) = (
        folder.join(format!("{name}.pem")),
        folder.join(format!("{name}.key")),
    );
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", &format!("/CN={name}")])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", &format!("basicConstraints=critical,{what}")])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificates)
        .output();
    let made = made.is_ok_and(|made| made.status.success());
    made.then_some(Tls { certificates, key })
}

fn asked(server: &Server, authorities: Option<PathBuf>) -> Result<usize, Error> {
    let token = server.token("root", Role::Admin);
    let client = Client::new(Config {
        authorities,
        ..Config::new(format!("https://{}", server.address), Some(token))
    })?;
    Ok(client.status(None)?.count)
}

#[test]
fn a_server_is_trusted_by_ones_own_authority_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let made = (
        certificate(folder.path(), "ours"),
        certificate(folder.path(), "theirs"),
    );
    let (Some(ours), Some(theirs)) = made else {
        eprintln!("\n!!! NOT TESTED: there is no openssl to make a certificate with\n");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::with_tls(service_in(folder.path()), listener, ours.clone());
    assert_eq!(asked(&server, Some(ours.certificates)).unwrap(), 0);
    for other in [None, Some(theirs.certificates)] {
        let error = asked(&server, other.clone()).unwrap_err();
        assert!(
            matches!(&error, Error::Server(ServerError::Untrusted { .. })),
            "{other:?}: {error:?}"
        );
    }
    let error = asked(&server, Some(ours.key)).unwrap_err();
    assert!(error.to_string().contains("no certificate"), "{error}");
    let error = asked(&server, Some("/nowhere.pem".into())).unwrap_err();
    assert!(error.to_string().contains("/nowhere.pem"), "{error}");
}

#[test]
fn whose_certificate_is_an_authoritys_is_told_to_make_another() {
    let folder = tempfile::tempdir().unwrap();
    let Some(tls) = certificate_that_is(folder.path(), "ours", "CA:TRUE") else {
        eprintln!("\n!!! NOT TESTED: there is no openssl to make a certificate with\n");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::with_tls(service_in(folder.path()), listener, tls.clone());
    let error = asked(&server, Some(tls.certificates)).unwrap_err();
    assert!(
        error.to_string().contains("basicConstraints=CA:FALSE"),
        "{error}"
    );
}

#[test]
fn whoever_mixes_up_http_and_https_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let plain = Server::in_folder(folder.path());
    let asked_at = |scheme: &str, server: &Server| {
        let url = format!("{scheme}://{}", server.address);
        let client = Client::new(Config::new(url, None)).unwrap();
        client.status(None).unwrap_err().to_string()
    };
    let error = asked_at("https", &plain);
    assert!(error.contains("name it with http://"), "{error}");
    let Some(tls) = certificate(folder.path(), "ours") else {
        eprintln!("\n!!! NOT TESTED: there is no openssl to make a certificate with\n");
        return;
    };
    let other = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let secret = Server::with_tls(service_in(other.path()), listener, tls);
    let error = asked_at("http", &secret);
    assert!(error.contains("name it with https://"), "{error}");
}

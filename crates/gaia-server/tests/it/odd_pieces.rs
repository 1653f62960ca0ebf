//! Every route that has a place in its path meets there what nobody should
//! send.

use gaia_server::Role;

use crate::routes::routes;
use crate::server::Server;

/// Pages with a place in their path.
const PAGES: [(&str, &str); 7] = [
    ("GET", "/locks/1"),
    ("POST", "/locks/1/release"),
    ("GET", "/tasks/1"),
    ("POST", "/tasks/1/cancel"),
    ("POST", "/tasks/1/retry"),
    ("GET", "/assets/1/gaia.js"),
    ("GET", "/assets/1/1"),
];

/// What stands in the place: ways out, ends of strings, what is no text, what is
/// no number or too large a one, words of other languages.
const PIECES: [&str; 16] = [
    "%2e%2e",
    "..",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cetc",
    "%00",
    "a%00b",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%",
    "-1",
    "99999999999999999999",
    "1e3",
    "'%20OR%201=1--",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "%0d%0aSet-Cookie:x=1",
    "%F0%9F%94%92",
];

#[test]
fn each_route_meets_odd_pieces_in_its_path_and_answers_what_is_wrong() {
    let server = Server::start();
    let admin = server.token("root", Role::Admin);
    let documented = routes(&server).into_iter();
    let documented = documented.map(|route| (route.method, route.path));
    let pages = PAGES.map(|(method, path)| (method.to_owned(), path.to_owned()));
    let long = "x".repeat(8000);
    let mut asked = 0;
    for (method, path) in documented.chain(pages) {
        let Some(place) = ["/bob", "/1"]
            .into_iter()
            .find(|place| path.contains(place))
        else {
            continue;
        };
        for piece in PIECES.into_iter().chain([long.as_str()]) {
            let path = path.replacen(place, &format!("/{piece}"), 1);
            let ask = server.ask(&method, &path).token(&admin);
            let reply = ask.send();
            let shown: String = path.chars().take(200).collect();
            assert!(
                (200..500).contains(&reply.status),
                "{method} {shown}: {reply:?}"
            );
            for leak in ["root:", "panicked", "src/"] {
                assert!(!reply.body.contains(leak), "{method} {shown}: {reply:?}");
            }
            // In JSON it is a text like any other.
            let kind = reply.header("content-type").unwrap_or_default();
            let is_page = kind.starts_with("text/html");
            assert!(
                !is_page || !reply.body.contains("<script>alert"),
                "{method} {shown}: {reply:?}"
            );
            assert_eq!(reply.header("set-cookie"), None, "{method} {shown}");
            asked += 1;
        }
    }
    assert!(asked > 17 * 20, "{asked}");
    assert_eq!(server.get("/api/gaia/locks", &admin).status, 200);
}

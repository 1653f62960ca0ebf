//! The code that takes the figures runs and tells what it should. It judges no
//! speed.
#![expect(clippy::unwrap_used, reason = "tests")]

use gaia_testkit::bench::{FIGURES, Options, Report, run, worker_main};

fn quick(only: &[&str]) -> Report {
    let options = Options {
        quick: true,
        only: only.iter().map(|only| (*only).to_owned()).collect(),
        worker_words: ["be_a_worker", "--exact", "--nocapture"]
            .map(Into::into)
            .into(),
        ..Options::default()
    };
    run(&options, &mut |_| {}).unwrap()
}

/// What the worker processes of the figures below are started as; by itself it
/// has nothing to do.
#[test]
fn be_a_worker() {
    let _ = worker_main();
}

#[test]
fn heavy_every_figure_is_taken_or_says_what_is_missing() {
    let report = quick(&[]);
    assert_eq!(report.figures.len(), FIGURES.len());
    for figure in &report.figures {
        assert!(
            !figure.samples.is_empty() || !figure.missing.is_empty(),
            "{figure:?}"
        );
        for sample in &figure.samples {
            assert!(
                sample.spread.min > 0.0 && sample.spread.max.is_finite(),
                "{sample:?}"
            );
        }
    }
    let table = report.table();
    for (id, _) in FIGURES {
        assert!(table.contains(&format!("{id}  ")), "{table}");
    }
}

#[test]
fn a_baseline_that_is_not_there_is_named() {
    let options = Options {
        quick: true,
        only: vec!["n1".to_owned()],
        python: Some("/no/python/here".into()),
        ..Options::default()
    };
    let report = run(&options, &mut |_| {}).unwrap();
    let missing: Vec<&str> = report.figures[0]
        .missing
        .iter()
        .map(|missing| missing.subject.as_str())
        .collect();
    assert!(missing.contains(&"Python filelock"), "{missing:?}");
    assert!(report.table().contains("missing: Python filelock"));
}

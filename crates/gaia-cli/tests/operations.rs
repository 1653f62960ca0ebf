//! The table of settings in docs/operations.md is the one in the code.

use gaia_locks::settings::markdown;

const PAGE: &str = include_str!("../../../docs/operations.md");

#[test]
fn the_page_shows_every_setting_as_the_code_has_it() {
    let table = PAGE
        .split_once("kept true by a test -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- /settings -->"));
    let shown = table.map(|(table, _)| table);
    assert_eq!(
        shown,
        Some(markdown().as_str()),
        "docs/operations.md:\n{}",
        markdown()
    );
}

//! The tools' page held against itself; what they do is tested through real
//! processes (`gaia-cli/tests/it/mcp.rs`, `gaia-server/tests/it/mcp.rs`).

use super::tools;

#[test]
fn a_hook_fills_in_what_each_acting_tool_takes_and_nothing_else() {
    for tool in tools::all() {
        let takes = tool.input_schema["properties"].as_object().unwrap();
        let looks = tool.annotations.as_ref().unwrap().read_only_hint.unwrap();
        let names = tools::acts(&tool.name);
        assert_eq!(names.is_empty(), looks, "{}", tool.name);
        for name in ["session", "task"] {
            let is_condition = (&*tool.name, name) == ("release_folder", "task");
            let fills = names.contains(&name) || is_condition;
            assert_eq!(fills, takes.contains_key(name), "{} {name}", tool.name);
        }
    }
}

#[test]
fn every_argument_and_every_tool_is_told_to_a_model_in_words() {
    for tool in tools::all() {
        assert!(
            tool.description.as_ref().unwrap().len() > 40,
            "{}",
            tool.name
        );
        for (name, takes) in tool.input_schema["properties"].as_object().unwrap() {
            let words = takes["description"].as_str().unwrap_or_default();
            assert!(words.len() > 10, "{} {name}: {takes}", tool.name);
        }
    }
}

//! Whatever is written there, nothing panics.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_value_makes_it_panic(value in "\\PC*", like in "[-0-9.:/@%a-f]{0,20}") {
        for (name, value) in NAMES.iter().flat_map(|name| [(name, &value), (name, &like)]) {
            let environment = |asked: &str| (asked == *name).then(|| value.into());
            let sources = Sources {
                user_home: Some("/nobody".into()),
                ..Sources::new(&environment, Path::new("/nowhere"))
            };
            let _ = Settings::load(&sources).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn no_file_makes_it_panic(
        dot_env in "(GAIA_LOG|A|\\PC)?=?[\"'${}#\\\\A-Z\n =]{0,30}",
        toml in "(log|markers)?[ =]{0,3}[\"'a-z0-9#.\n\\[\\]]{0,20}",
    ) {
        let world = World::new().home_env(&dot_env).toml(&toml);
        let _ = world.load().map_err(|error| error.to_string());
        let world = World::new().toml(&toml);
        let _ = world.load().map_err(|error| error.to_string());
    }

    #[test]
    fn what_stands_in_single_quotes_is_taken_as_it_is(value in "[^'\0]{1,40}") {
        let text = format!("GAIA_LOCKS_DIR='/{value}'\nGAIA_LOG=warn");
        let settings = World::new().home_env(&text).load().unwrap();
        let expected: PathBuf = Path::new(&format!("/{value}")).components().collect();
        prop_assert_eq!(settings.locks_dir, expected);
        prop_assert_eq!(settings.log, "warn");
    }
}

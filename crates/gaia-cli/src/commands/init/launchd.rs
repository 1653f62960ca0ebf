//! An agent of launchd for one user.

use super::service::Service;

/// By what launchd knows it.
pub const LABEL: &str = "gaia.up";

/// The property list.
pub fn agent(service: &Service) -> String {
    format!(
        r#"<plist version="1.0">
<dict>
    <key>Label</key>
    <string>{LABEL}</string>
    <key>ProgramArguments</key>
    <array>
        <string>{program}</string>
        <string>up</string>
    </array>
    <key>EnvironmentVariables</key>
    <dict>
        <key>GAIA_HOME</key>
        <string>{home}</string>
    </dict>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
        <key>SuccessfulExit</key>
        <false/>
    </dict>
    <key>ThrottleInterval</key>
    <integer>5</integer>
    <!-- Each task that runs has a keeper beside it. It outlives gaia, and the
         next start takes it over: so gaia alone is ended. -->
    <key>AbandonProcessGroup</key>
    <true/>
    <!-- Told to end, gaia waits for what runs; after this it is killed, and
         what runs goes on under its keepers. -->
    <key>ExitTimeOut</key>
    <integer>15</integer>
    <key>StandardOutPath</key>
    <string>{log}</string>
    <key>StandardErrorPath</key>
    <string>{log}</string>
</dict>
</plist>
"#,
        program = escaped(&service.program),
        home = escaped(&service.home),
        log = escaped(&log(service)),
    )
}

/// Where the log goes: launchd makes the file, not the folder.
pub fn log(service: &Service) -> String {
    format!("{}/up.log", service.home)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: &str, home: &str) -> String {
        let (program, home) = (program.to_owned(), home.to_owned());
        agent(&Service { program, home })
    }

    #[test]
    fn an_agent_as_it_is_written() {
        let agent = of("/usr/local/bin/gaia", "/Users/you/.gaia");
        assert_eq!(agent, include_str!("golden/gaia.up.plist"));
    }

    #[test]
    fn what_xml_would_read_otherwise_is_escaped() {
        let agent = of("/opt/R&D <1>/gaia", "/Users/a b/\"q\" $HOME 50%");
        assert_eq!(agent, include_str!("golden/odd.plist"));
    }
}

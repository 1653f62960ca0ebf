//! How each client is called, reaches its model, and is set up.

use std::fs;
use std::path::{Path, PathBuf};

use gaia_agent::clients::{self, Call};
use gaia_agent::hook::Client;
use serde_json::json;

use super::Stage;

impl Stage {
    pub(super) fn words(&self) -> Vec<&'static str> {
        match self.client {
            Client::Codex => vec![
                "exec",
                "--json",
                "--skip-git-repo-check",
                "-s",
                "danger-full-access",
                "--dangerously-bypass-hook-trust",
                "go",
            ],
            Client::Gemini => vec![
                "-m",
                "gemini-2.5-flash",
                "-p",
                "go",
                "--output-format",
                "json",
                "--approval-mode",
                "yolo",
            ],
            Client::Opencode => vec!["run", "go", "--format", "json"],
            _ => vec![
                "-p",
                "go",
                "--permission-mode",
                "acceptEdits",
                "--allowedTools",
                "Bash,Write,Edit,Read,Agent",
                "--output-format",
                "json",
            ],
        }
    }

    pub(super) fn reaches_model(&self, port: u16) -> Vec<(&'static str, String)> {
        let url = format!("http://127.0.0.1:{port}");
        let home = |name: &str| self.text(&format!("home/{name}"));
        match self.client {
            Client::Codex => vec![("CODEX_HOME", home(".codex")), ("MOCK_KEY", "x".into())],
            Client::Gemini => vec![
                ("GEMINI_API_KEY", "x".into()),
                ("GOOGLE_GEMINI_BASE_URL", url),
                ("GEMINI_CLI_TRUST_WORKSPACE", "true".into()),
            ],
            Client::Opencode => vec![
                ("XDG_CONFIG_HOME", home(".config")),
                ("XDG_DATA_HOME", home("data")),
                ("XDG_STATE_HOME", home("state")),
                ("XDG_CACHE_HOME", home("cache")),
                ("OPENCODE_DISABLE_MODELS_FETCH", "1".into()),
                ("OPENCODE_DISABLE_AUTOUPDATE", "1".into()),
                ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1".into()),
            ],
            _ => vec![
                ("ANTHROPIC_BASE_URL", url),
                ("ANTHROPIC_API_KEY", "dummy".into()),
                ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into()),
            ],
        }
    }

    /// The client's settings, with what `gaia init` would write.
    pub(super) fn write_settings(&self, port: u16) {
        let (gaia, patience) = self.gaia.borrow().clone();
        let call = Call {
            gaia,
            environment: Vec::new(),
        };
        let (folder, own) = self.own_settings(port);
        let folder = self.path("home").join(folder);
        let file = clients::merged(self.client, own.as_deref(), &call).unwrap();
        let text = file
            .text
            .replace("\"timeout\": 30", &format!("\"timeout\": {patience}"));
        let path = folder.join(file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if self.has_hooks.get() {
            fs::write(path, text).unwrap();
        } else {
            let _ = fs::remove_file(path);
        }
        if self.knows_server.get() {
            self.write_server(&folder);
        }
    }

    /// GAIA's MCP server, where the client keeps its servers.
    fn write_server(&self, folder: &Path) {
        let call = Call {
            gaia: PathBuf::from(env!("CARGO_BIN_EXE_gaia")),
            environment: vec![("GAIA_HOME".to_owned(), self.text("gaia"))],
        };
        let path = folder.join(match self.client {
            Client::Codex => "config.toml",
            Client::Opencode => "opencode.json",
            _ => "settings.json",
        });
        let own = fs::read_to_string(&path).unwrap();
        let text = clients::with_server(self.client, Some(&own), &call).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Where a client's settings are, and what a user would have in them to reach this model.
    fn own_settings(&self, port: u16) -> (&'static str, Option<String>) {
        let put = |name: &str, text: String| {
            let path = self.path("home").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let url = format!("http://127.0.0.1:{port}/v1");
        match self.client {
            Client::Codex => {
                let config = format!(
                    "model = \"gpt-5.5\"\nmodel_provider = \"mock\"\n[model_providers.mock]\nname = \"mock\"\n\
                     base_url = \"{url}\"\nenv_key = \"MOCK_KEY\"\nwire_api = \"responses\"\n"
                );
                put(".codex/config.toml", config);
                (".codex", None)
            }
            Client::Gemini => {
                let own = json!({
                    "security": {"auth": {"selectedType": "gemini-api-key"}},
                    "telemetry": {"enabled": false},
                    "privacy": {"usageStatisticsEnabled": false},
                    "general": {"disableAutoUpdate": true},
                });
                (".gemini", Some(own.to_string()))
            }
            Client::Opencode => {
                let provider = json!({"npm": "@ai-sdk/openai-compatible", "name": "mock",
                    "options": {"baseURL": url, "apiKey": "x"}, "models": {"m": {"name": "m"}}});
                let config = json!({"autoupdate": false, "share": "disabled", "model": "mock/m", "small_model": "mock/m",
                    "permission": {"edit": "allow", "bash": "allow", "external_directory": "allow"},
                    "provider": {"mock": provider}});
                put(".config/opencode/opencode.json", config.to_string());
                (".config/opencode", None)
            }
            _ => (".claude", None),
        }
    }
}

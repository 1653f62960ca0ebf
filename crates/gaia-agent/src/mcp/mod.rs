//! The MCP server: locks and tasks as tools that an agent can call.
//!
//! # The way of a call
//! A tool's name leads to its file (`tools`); what was sent is read
//! (`args`); the doors to locks and tasks are called, as somebody
//! ([`Doors`]); the answer is the one JSON shape, as structured content and as
//! text (`said`, `shapes`). Nothing is decided here.
//!
//! The same tools are served on stdio (`gaia mcp`) and over HTTP (the server's
//! `/mcp`): what differs (as whom a call may act, where a blocking call runs,
//! how a wait is kept) is behind the trait [`Doors`].
//!
//! # What is not promised
//! MCP of 2026-07-28 knows no sessions, so nothing is remembered between two
//! calls: who asks is named in each call, or filled in from the surroundings,
//! and a wait that broke off is found again by its request id [R8, R16].

mod args;
mod doors;
mod locks;
mod said;
mod shapes;
mod stdio;
mod tasks;
mod tools;
mod wait;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;

pub use rmcp::model::Extensions;

pub use doors::{Came, Did, Doors, Ends, Opened, Reads, Stands, folder};
pub use said::Said;
pub use stdio::serve_stdio;
pub use tools::{acts, is_tool};

/// What a model is told of all this, once.
const INSTRUCTIONS: &str = "GAIA gives each piece of work a lease on its folder, so that no two agents ever work in one \
folder at once. Before you write in a folder, lock it with acquire_folder, or wait for your turn with \
wait_for_folder; renew the lock before its expires_at, and release it when you are done. Name folders by their \
whole path. A refusal says who holds the folder and until when: work elsewhere, wait, or tell your user. Reading \
needs no lock. take_task gives you work together with the lock on its folder; say how it ended with finish_task or \
fail_task.";

/// The tools on some doors.
#[derive(Clone)]
pub struct Mcp<D> {
    doors: D,
}

impl<D: Doors> Mcp<D> {
    /// The tools on these doors.
    pub fn new(doors: D) -> Self {
        Self { doors }
    }
}

impl<D: Doors> ServerHandler for Mcp<D> {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("gaia", env!("CARGO_PKG_VERSION"))
            .with_title("GAIA: locks on folders, and tasks");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS)
    }

    /// The current revision and the one before; clients that know only older
    /// ones with a handshake are met too.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all().to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::named(name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let input = Value::Object(request.arguments.unwrap_or_default());
        let done = tools::call(&self.doors, &request.name, input, &context).await?;
        Ok(done.into())
    }
}

//! The tools on stdin and stdout: one message a line, until stdin ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

use super::Mcp;
use super::doors::Doors;

/// Serves until stdin ends. `ended` is told of that end at once: whoever waits
/// in line has nobody left to tell.
///
/// # Errors
/// When the client does not speak the protocol, or the streams fail.
pub async fn serve_stdio<D: Doors>(mcp: Mcp<D>, ended: CancellationToken) -> io::Result<()> {
    let stdin = Watched {
        inner: tokio::io::stdin(),
        ended,
    };
    let served = match mcp.serve((stdin, tokio::io::stdout())).await {
        Ok(served) => served,
        // It went before it said anything.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                error.to_string(),
            ));
        }
    };
    let ended = served.waiting().await;
    ended.map(drop).map_err(io::Error::other)
}

/// Tells of the end of a stream.
struct Watched<R> {
    inner: R,
    ended: CancellationToken,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, buffer));
        let is_over = buffer.remaining() > 0 && buffer.filled().len() == before;
        if is_over || read.is_err() {
            self.ended.cancel();
        }
        Poll::Ready(read)
    }
}

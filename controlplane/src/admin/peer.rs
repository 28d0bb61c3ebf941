//! Connections to the admin services, and who stands at their other end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use regate_proto::model::Level;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tonic::transport::server::Connected;

use super::tls::TlsStream;

/// Who stands at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The level of the listener.
    pub level: Level,
    /// Who it is: `uid=0 pid=4242`, the subject of a certificate, a network address.
    pub actor: String,
}

/// An accepted connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    peer: Peer,
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

impl Connection {
    /// A connection to a unix socket; the kernel says who it is.
    pub(super) fn unix(stream: UnixStream, level: Level) -> Connection {
        let actor = match stream.peer_cred() {
            Ok(credentials) => match credentials.pid() {
                Some(pid) => format!("uid={} pid={pid}", credentials.uid()),
                None => format!("uid={}", credentials.uid()),
            },
            Err(_) => "unknown".to_owned(),
        };
        Connection { stream: Stream::Unix(stream), peer: Peer { level, actor } }
    }

    /// A connection in the clear.
    pub(super) fn plain(stream: TcpStream, level: Level) -> Connection {
        let actor = stream.peer_addr().map_or_else(|_| "unknown".to_owned(), |address| address.to_string());
        Connection { stream: Stream::Plain(stream), peer: Peer { level, actor } }
    }

    /// A connection whose client proved who it is by a certificate.
    pub(super) fn tls(stream: TlsStream, level: Level) -> Connection {
        let (socket, session) = stream.get_ref();
        let subject = session.peer_certificates().and_then(|chain| chain.first()).and_then(|certificate| {
            let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
            Some(certificate.subject().to_string())
        });
        let address = socket.peer_addr().map_or_else(|_| "unknown".to_owned(), |address| address.to_string());
        let actor = match subject {
            Some(subject) => format!("{subject} {address}"),
            None => address,
        };
        Connection { stream: Stream::Tls(Box::new(stream)), peer: Peer { level, actor } }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

//! The demo web servers of `regate run`: each answers every request with its name.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A demo web server that listens.
pub struct Demo {
    listener: TcpListener,
    name: Arc<str>,
}

impl Demo {
    /// Listens at `wanted`, or at a port that the kernel chooses when that one is taken.
    pub async fn bind(name: &str, wanted: SocketAddr) -> std::io::Result<Demo> {
        let listener = match TcpListener::bind(wanted).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(SocketAddr::new(wanted.ip(), 0)).await?,
        };
        Ok(Demo { listener, name: Arc::from(name) })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until the future is dropped.
    pub async fn serve(self) {
        loop {
            // A failed accept (no descriptor left) is the client's loss; the next one may work.
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let name = Arc::clone(&self.name);
            tokio::spawn(async move {
                let answer = service_fn(move |request| answer(Arc::clone(&name), request));
                let builder = hyper::server::conn::http1::Builder::new();
                // A client that breaks off is nobody's concern.
                let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    }
}

async fn answer(name: Arc<str>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = format!("{name} answers {} {}\n", request.method(), request.uri().path());
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let plain = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, plain);
    if let Ok(value) = hyper::header::HeaderValue::from_str(&name) {
        response.headers_mut().insert("x-server", value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn each_answers_with_its_name_and_a_taken_port_is_no_obstacle() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = Demo::bind("s1", any).await.unwrap();
        let taken = first.address().unwrap();
        let second = Demo::bind("s2", taken).await.unwrap();
        let other = second.address().unwrap();
        assert_ne!(taken.port(), other.port());
        tokio::spawn(first.serve());
        tokio::spawn(second.serve());
        for (address, name) in [(taken, "s1"), (other, "s2")] {
            let answer = ask(address).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
            assert!(answer.contains(&format!("x-server: {name}\r\n")), "{answer}");
            assert!(answer.ends_with(&format!("\r\n\r\n{name} answers GET /a\n")), "{answer}");
        }
    }
}

//! Certificates of the admin services, read again when their files change.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use regate_proto::wire::endpoint::TlsFiles;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// The certificates of one listener.
#[derive(Debug)]
pub(super) struct Certificates {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    seen: parking_lot::Mutex<Stamp>,
}

/// What tells that files have changed.
type Stamp = [Option<(SystemTime, u64)>; 3];

impl Certificates {
    /// Reads the files.
    pub(super) fn read(files: &TlsFiles) -> Result<Certificates, String> {
        let seen = parking_lot::Mutex::new(stamp(files));
        Ok(Certificates { files: files.clone(), config: ArcSwap::from_pointee(config(files)?), seen })
    }

    /// Who takes a new connection over.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    /// Reads the files again when they have changed; tells whether they did. What cannot be used is refused, and the
    /// certificates in use stay.
    pub(super) fn refresh(&self) -> Result<bool, String> {
        let now = stamp(&self.files);
        {
            let mut seen = self.seen.lock();
            if *seen == now {
                return Ok(false);
            }
            *seen = now;
        }
        self.config.store(Arc::new(config(&self.files)?));
        Ok(true)
    }
}

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.certificate, &files.key, &files.authorities].map(|path| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len()))
    })
}

fn config(files: &TlsFiles) -> Result<ServerConfig, String> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&files.authorities)? {
        roots.add(authority).map_err(|error| format!("{}: {error}", files.authorities.display()))?;
    }
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| format!("{}: {error}", files.key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| format!("{}: {error}", files.authorities.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| format!("{}: {error}", files.certificate.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = || -> Result<Vec<CertificateDer<'static>>, rustls_pki_types::pem::Error> {
        CertificateDer::pem_file_iter(path)?.collect()
    };
    match read() {
        Ok(found) if found.is_empty() => Err(format!("{}: it holds no certificate", path.display())),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// A connection with certificates on both sides.
pub(super) type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// Who the other side is: the subject of its certificate, and its address.
pub(super) fn identity(stream: &TlsStream) -> String {
    let (socket, session) = stream.get_ref();
    let subject = session.peer_certificates().and_then(|chain| chain.first()).and_then(|certificate| {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(certificate.subject().to_string())
    });
    let address = socket.peer_addr().map_or_else(|_| "unknown".to_owned(), |address| address.to_string());
    match subject {
        Some(subject) => format!("{subject} {address}"),
        None => address,
    }
}

/// The text of a file, for a client that reads PEM itself.
pub(super) fn text(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

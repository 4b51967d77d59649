//! The shop's own program behind TLS: authorities and certificates made for a test, and a front that decrypts what comes
//! and passes it on.
//!
//! What the front does wrong it does because a test said so; what a caller told it instead of a question it remembers.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    AlertDescription, Error, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long callers are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

/// What a front shows of itself.
pub(crate) struct Certificate {
    shown: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// For `checkout.hook_ca_file`.
    pub(crate) fn file(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn certificate(&self, host: &str) -> Certificate {
        self.certificate_until(host, 2_100)
    }

    /// A certificate that ends with the beginning of a year.
    pub(crate) fn certificate_until(&self, host: &str, year: i32) -> Certificate {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2_020, 1, 1), date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().unwrap();
        let shown = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Certificate { shown, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }
}

/// A front, listening; it ends when this is dropped.
pub(crate) struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    acceptor: TlsAcceptor,
    behind: SocketAddr,
    cut: Cut,
    cuts_left: AtomicUsize,
    alerts: watch::Sender<Vec<AlertDescription>>,
}

/// How an answer ends too early.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cut {
    /// Connections of which it does, the first ones.
    pub(crate) connections: usize,
    /// Bytes of its end that never come.
    pub(crate) kept_back: usize,
    /// Whether TLS says that this is the end.
    pub(crate) is_told: bool,
}

impl Front {
    /// A front of the program at `url`.
    pub(crate) fn open(certificate: Certificate, url: &str, cut: Cut) -> Self {
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.shown], certificate.key)
            .unwrap();
        let shared = Arc::new(Shared {
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            behind: url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap(),
            cut,
            cuts_left: AtomicUsize::new(cut.connections),
            alerts: watch::Sender::default(),
        });
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listening = tokio::spawn(listen(TcpListener::from_std(listener).unwrap(), shared.clone()));
        Self { address, shared, listening }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    /// Why callers turned away, each time, before they had asked anything; once so many have.
    pub(crate) async fn alerts(&self, least: usize) -> Vec<AlertDescription> {
        let mut alerts = self.shared.alerts.subscribe();
        let enough = alerts.wait_for(|alerts| alerts.len() >= least);
        timeout(PATIENCE, enough).await.unwrap().unwrap().clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((caller, _)) = listener.accept().await {
        tokio::spawn(shared.clone().serve(caller));
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, caller: TcpStream) -> io::Result<()> {
        let mut caller = self.acceptor.accept(caller).await.inspect_err(|error| self.note(error))?;
        let mut behind = TcpStream::connect(self.behind).await?;
        if self.cuts_left.try_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
            return self.cut_off(caller, behind).await;
        }
        tokio::io::copy_bidirectional(&mut caller, &mut behind).await.map(drop)
    }

    fn note(&self, error: &io::Error) {
        let told = error.get_ref().and_then(|error| error.downcast_ref());
        if let Some(Error::AlertReceived(alert)) = told {
            self.alerts.send_modify(|alerts| alerts.push(*alert));
        }
    }

    /// Passes a question on, and the answer but for its end.
    async fn cut_off(&self, caller: TlsStream<TcpStream>, behind: TcpStream) -> io::Result<()> {
        let (mut asked, mut told) = tokio::io::split(caller);
        let (mut said, mut hears) = behind.into_split();
        let answer = async {
            let mut answer = Vec::new();
            while !answer.ends_with(b"}") {
                assert_ne!(said.read_buf(&mut answer).await?, 0, "the program behind hung up");
            }
            io::Result::Ok(answer)
        };
        let answer = tokio::select! {
            answer = answer => answer,
            over = tokio::io::copy(&mut asked, &mut hears) => return over.map(drop),
        };
        let mut answer = answer?;
        answer.truncate(answer.len() - self.cut.kept_back);
        told.write_all(&answer).await?;
        told.flush().await?;
        if self.cut.is_told { told.shutdown().await } else { Ok(()) }
    }
}

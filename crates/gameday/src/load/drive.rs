//! Drives the connections of a run from one thread.
//!
//! In an open loop all connections take the next intended moment from one counter. Where every connection waits for
//! an answer, moments pass unsent; whoever takes one late counts from when it was meant, so nothing is omitted. What is
//! still unsent after twice the duration is given up, and counted.

use super::{Recording, Source, answer, recording::Took};
use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::LocalSet,
};

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// By every connection as soon as it is answered.
    Closed,
    /// So many a second, whatever the answers do.
    Open {
        /// Requests a second over all connections.
        per_second: f64,
    },
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Keep-alive connections.
    pub connections: usize,
    /// How long requests are sent.
    pub duration: Duration,
    /// When.
    pub pace: Pace,
    /// Kinds of requests that the source makes.
    pub kinds: usize,
}

impl Plan {
    /// How many moments an open loop means to send at.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
    fn moments(&self) -> u64 {
        match self.pace {
            Pace::Closed => 0,
            Pace::Open { per_second } => (per_second * self.duration.as_secs_f64()).ceil() as u64,
        }
    }
}

/// A connection that fails this often in a run is given up, so that a dead server ends the run.
const FAILURES_MAX: u32 = 100;
const BUFFER_BYTES: usize = 16 * 1024;

struct Shared<S> {
    source: S,
    recording: Recording,
    /// Intended moments that were handed out.
    taken: u64,
    /// Of these, the ones that were kept.
    sent: u64,
}

/// Sends requests of `source` as planned, and answers what was seen of them.
pub fn run(plan: Plan, source: impl Source + 'static) -> io::Result<Recording> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let recording = Recording::new(plan.kinds);
    let shared = Rc::new(RefCell::new(Shared { source, recording, taken: 0, sent: 0 }));
    let local = LocalSet::new();
    let elapsed = local.block_on(&runtime, async {
        let start = Instant::now();
        let connections: Vec<_> = (0..plan.connections)
            .map(|_| tokio::task::spawn_local(keep_sending(plan, start, Rc::clone(&shared))))
            .collect();
        for connection in connections {
            connection.await.map_err(io::Error::other)?;
        }
        io::Result::Ok(start.elapsed())
    })?;
    let mut recording = shared.borrow().recording.clone();
    recording.elapsed = elapsed;
    recording.unsent = plan.moments().saturating_sub(shared.borrow().sent);
    Ok(recording)
}

async fn keep_sending<S: Source>(plan: Plan, start: Instant, shared: Rc<RefCell<Shared<S>>>) {
    for _ in 0..FAILURES_MAX {
        match send_until_end(plan, start, &shared).await {
            Ok(()) => return,
            Err(_) => shared.borrow_mut().recording.broken += 1,
        }
        if start.elapsed() >= plan.duration {
            return;
        }
    }
}

async fn send_until_end<S: Source>(
    plan: Plan,
    start: Instant,
    shared: &RefCell<Shared<S>>,
) -> io::Result<()> {
    let mut stream = TcpStream::connect(plan.address).await?;
    stream.set_nodelay(true)?;
    let (mut request, mut buffer) = (Vec::with_capacity(1024), vec![0; BUFFER_BYTES]);
    loop {
        let Some(intended) = next_moment(plan, start, shared).await else { return Ok(()) };
        request.clear();
        let Some(kind) = shared.borrow_mut().source.next(&mut request) else { return Ok(()) };
        let sent = Instant::now();
        stream.write_all(&request).await?;
        let answer = receive(&mut stream, &mut buffer).await?;
        let now = Instant::now();
        let took = Took { since_intended: now - intended, since_sent: now - sent };
        shared.borrow_mut().recording.note(kind, answer, took, now - start);
    }
}

/// When the next request is meant to be sent, reached; none when the run has ended.
async fn next_moment<S>(plan: Plan, start: Instant, shared: &RefCell<Shared<S>>) -> Option<Instant> {
    let Pace::Open { per_second } = plan.pace else {
        let now = Instant::now();
        return (now - start < plan.duration).then_some(now);
    };
    let number = {
        let mut shared = shared.borrow_mut();
        shared.taken += 1;
        shared.taken - 1
    };
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
    let after = Duration::from_secs_f64(number as f64 / per_second);
    let intended = start + after;
    if after >= plan.duration || start.elapsed() >= plan.duration * 2 {
        return None;
    }
    shared.borrow_mut().sent += 1;
    if intended > Instant::now() {
        tokio::time::sleep_until(intended.into()).await;
    }
    Some(intended)
}

/// Reads one answer whole. `buffer` holds its head; a longer body is read over itself.
async fn receive(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<answer::Answer> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        if let Some(answer) = answer::read(&buffer[..filled])? {
            let mut left = answer.bytes.saturating_sub(filled);
            while left > 0 {
                let until = left.min(buffer.len());
                let read = stream.read(&mut buffer[..until]).await?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                left -= read;
            }
            return Ok(answer);
        }
    }
}

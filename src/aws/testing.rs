//! A stub of AWS for tests: it answers calls with prepared bodies, on loopback.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::Session;
use crate::pipeline::Aws;

/// One prepared answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Part of the request: the operation (`X-Amz-Target` or `Action=`), or anything else in its head or body.
    needle: String,
    status: u16,
    body: String,
}

impl Answer {
    pub fn new(needle: &str, status: u16, body: &str) -> Self {
        Self { needle: needle.to_owned(), status, body: body.to_owned() }
    }
}

/// The server: each request takes the first answer that fits it; the last one that fits stays. Others are refused with
/// the code `NotInStub`.
pub(crate) struct Stub {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    server: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stub {
    pub async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answers, log) = (Arc::new(Mutex::new(answers)), Arc::clone(&asked));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, log) = (Arc::clone(&answers), Arc::clone(&log));
                tokio::spawn(async move { serve(stream, &answers, &log).await });
            }
        });
        Self { port, asked, server }
    }

    pub fn aws(&self) -> Aws {
        let endpoint_url = Some(format!("http://127.0.0.1:{}", self.port));
        Aws { region: "eu-west-2".into(), profile: None, endpoint_url }
    }

    pub async fn session(&self) -> Session {
        Session::open(&self.aws()).await
    }

    /// Heads and bodies of the requests, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// One request a connection.
async fn serve(stream: TcpStream, answers: &Mutex<Vec<Answer>>, log: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let Some(request) = read(&mut stream).await else { return };
    let query_protocol = request.contains("application/x-www-form-urlencoded");
    let (status, body) = pick(&mut answers.lock().unwrap(), &request).unwrap_or_else(|| (400, refusal(query_protocol)));
    log.lock().unwrap().push(request);
    let kind = if body.starts_with('<') { "text/xml" } else { "application/x-amz-json-1.1" };
    let head = format!(
        "HTTP/1.1 {status} Stub\r\ncontent-type: {kind}\r\nx-amzn-requestid: 00000000-stub\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes()).await;
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let length = head
        .to_lowercase()
        .split_once("content-length: ")
        .and_then(|(_, rest)| rest.split("\r\n").next().and_then(|n| n.trim().parse::<usize>().ok()));
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8_lossy(&body))
}

fn pick(answers: &mut Vec<Answer>, request: &str) -> Option<(u16, String)> {
    let fits: Vec<usize> = (0..answers.len()).filter(|&i| request.contains(&answers[i].needle)).collect();
    let first = *fits.first()?;
    let answer = if fits.len() > 1 { answers.remove(first) } else { answers[first].clone() };
    Some((answer.status, answer.body))
}

fn refusal(query_protocol: bool) -> String {
    if query_protocol {
        "<ErrorResponse><Error><Type>Sender</Type><Code>NotInStub</Code><Message>no such answer</Message></Error>\
         <RequestId>00000000-stub</RequestId></ErrorResponse>"
            .to_owned()
    } else {
        r#"{"__type": "NotInStub", "message": "no such answer"}"#.to_owned()
    }
}

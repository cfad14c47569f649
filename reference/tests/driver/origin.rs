//! A network with one scripted answer after the other for each address.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use bgsession_reference::contract::{
    HttpBody, HttpRequest, HttpResponse, Response, Transport, TransportError,
};

/// One answer.
#[derive(Clone)]
pub(crate) enum Plan {
    /// Head, and the body in one piece.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Announces the first number of bytes, sends the others, and breaks.
    Cut(Vec<(&'static str, String)>, Vec<u8>, usize),
    /// Never answers.
    Stall,
    /// Nobody listens.
    Refuse,
}

pub(crate) fn ok(body: &[u8]) -> Plan {
    Plan::Answer(200, vec![("content-length", body.len().to_string())], body.to_vec())
}

pub(crate) fn status(code: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Plan {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Plan::Answer(code, headers, body.to_vec())
}

/// The last plan of an address is its answer for ever.
#[derive(Default)]
pub(crate) struct Origin {
    plans: Mutex<BTreeMap<String, VecDeque<Plan>>>,
    pub(crate) log: Mutex<Vec<String>>,
}

impl Origin {
    pub(crate) fn plan(&self, url: &str, plans: impl IntoIterator<Item = Plan>) {
        self.plans.lock().unwrap().insert(url.to_owned(), plans.into_iter().collect());
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

struct Body(Option<Vec<u8>>, Option<TransportError>);

#[async_trait]
impl HttpBody for Body {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        match (self.0.take().filter(|bytes| !bytes.is_empty()), self.1.take()) {
            (Some(bytes), error) => {
                self.1 = error;
                Ok(Some(bytes))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }
}

#[async_trait]
impl Transport for Origin {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut line = format!("{} {}", request.method.as_str(), request.url);
        for (name, value) in &request.headers {
            line.push_str(&format!(" {name}={value}"));
        }
        if let Some(body) = &request.body {
            let bytes = body.storage.read(&body.file, 0, usize::MAX).unwrap();
            line.push_str(&format!(" body={}", bytes.len()));
        }
        self.log.lock().unwrap().push(line);
        let plan = {
            let mut plans = self.plans.lock().unwrap();
            let left = plans.get_mut(&request.url).expect("the test has planned this address");
            if left.len() > 1 { left.pop_front().unwrap() } else { left[0].clone() }
        };
        let head = |status, headers: Vec<(&str, String)>| {
            let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            Response { status, url: request.url.clone(), headers }
        };
        match plan {
            Plan::Answer(status, headers, body) => {
                Ok(HttpResponse::new(head(status, headers), Box::new(Body(Some(body), None))))
            }
            Plan::Cut(mut headers, body, at) => {
                headers.push(("content-length", body.len().to_string()));
                let sent = body[..at].to_vec();
                let lost = Some(TransportError::ConnectionLost);
                Ok(HttpResponse::new(head(200, headers), Box::new(Body(Some(sent), lost))))
            }
            Plan::Stall => std::future::pending().await,
            Plan::Refuse => Err(TransportError::NotConnected),
        }
    }
}

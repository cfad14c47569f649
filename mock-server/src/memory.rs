//! The front without sockets: the caller walks a plan with a clock of its own.

use crate::body::Slice;
use crate::plan::{Framing, Head, Plan, Step};
use std::time::Duration;

/// Content comes in pieces of at most this many bytes, however large it is.
pub const PIECE: usize = 64 << 10;

/// What a client sees next. The last six end the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a client must handle every end that a connection can come to")]
pub enum Event {
    /// Nothing for that long.
    Wait(Duration),
    /// Status and all headers, with the one that tells the framing.
    Head {
        /// Status code.
        status: u16,
        /// Names in small letters, and values.
        headers: Vec<(String, String)>,
    },
    /// A piece of the body, never empty.
    Data(Vec<u8>),
    /// The answer is complete.
    End,
    /// The connection was closed before the answer was complete.
    Cut,
    /// The connection was reset.
    Reset,
    /// Nothing more will ever come, and the connection stays open.
    Stalled,
    /// No connection came about.
    Refused,
    /// What came is not HTTP.
    Broken,
}

/// Walks a plan and says what a client of the socket front would see, event by event.
///
/// ```
/// use bgsession_mock_server::memory::{Event, Walk};
/// use bgsession_mock_server::{Answer, Fault, Origin, Request, Resource, Route, Script};
/// use std::time::Duration;
///
/// let route = Route::new(Resource::new(100)).answer(Answer::fault(Fault::CutAfter(40)));
/// let origin = Origin::new(Script::new().route("/file", route)).unwrap();
/// let mut walk = Walk::new(origin.answer(&Request::get("/file"), Duration::ZERO));
/// assert!(matches!(walk.next(), Some(Event::Head { status: 200, .. })));
/// assert!(matches!(walk.next(), Some(Event::Data(bytes)) if bytes.len() == 40));
/// assert_eq!(walk.next(), Some(Event::Cut));
/// assert_eq!(walk.next(), None);
/// ```
#[derive(Clone, Debug)]
pub struct Walk {
    head: Option<Head>,
    steps: std::vec::IntoIter<Step>,
    /// What is left of a large body step.
    rest: Slice,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    BeforeHead,
    /// In a body of which that many bytes are still promised.
    Counted(u64),
    Chunked,
    UntilClose,
    /// The answer is complete and the client is about to learn it.
    Complete,
    Over,
}

impl Walk {
    /// A walk at the start of a plan.
    pub fn new(plan: Plan) -> Self {
        Self {
            head: plan.head,
            steps: plan.steps.into_iter(),
            rest: Slice { seed: 0, offset: 0, len: 0 },
            place: Place::BeforeHead,
        }
    }

    fn over(&mut self, event: Event) -> Option<Event> {
        self.place = Place::Over;
        Some(event)
    }

    fn start(&mut self, head: Head) -> Option<Event> {
        self.place = match head.framing {
            Framing::Length(0) | Framing::Bodyless(_) => Place::Complete,
            Framing::Length(length) => Place::Counted(length),
            Framing::Chunked => Place::Chunked,
            Framing::UntilClose => Place::UntilClose,
        };
        let framing = head.framing_header();
        let mut headers = head.headers;
        headers.extend(framing);
        Some(Event::Head { status: head.status, headers })
    }

    /// Body bytes, as far as the client still expects any.
    fn data(&mut self, mut bytes: Vec<u8>) -> Option<Event> {
        if let Place::Counted(left) = &mut self.place {
            bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= bytes.len() as u64;
            if *left == 0 {
                self.place = Place::Complete;
            }
        }
        Some(Event::Data(bytes))
    }

    fn next_piece(&mut self) -> Option<Event> {
        let piece = self.rest.part(0, PIECE as u64);
        self.rest = self.rest.part(piece.len, self.rest.len);
        self.data(piece.bytes())
    }

    /// The connection ends; `complete` is what that means in chunked coding.
    fn close(&mut self, chunked: Event) -> Option<Event> {
        match self.place {
            Place::BeforeHead | Place::Counted(_) => self.over(Event::Cut),
            Place::Chunked => self.over(chunked),
            Place::UntilClose | Place::Complete => self.over(Event::End),
            Place::Over => None,
        }
    }

    /// What one step looks like; `None` if it cannot be seen.
    fn step(&mut self, step: Step) -> Option<Event> {
        let in_body = !matches!(self.place, Place::BeforeHead);
        match step {
            Step::Pause(wait) => Some(Event::Wait(wait)),
            Step::Head => {
                let head = self.head.take()?;
                self.start(head)
            }
            Step::Body(Slice { len: 0, .. }) => None,
            Step::Inline(bytes) | Step::Raw(bytes) if bytes.is_empty() => None,
            Step::Body(slice) if in_body => {
                self.rest = slice;
                self.next_piece()
            }
            Step::Inline(bytes) if in_body => self.data(bytes),
            Step::Raw(bytes) if matches!(self.place, Place::Counted(_) | Place::UntilClose) => {
                self.data(bytes)
            }
            Step::Body(_) | Step::Inline(_) | Step::Raw(_) => self.over(Event::Broken),
            Step::Stall => self.over(Event::Stalled),
            Step::Close => self.close(Event::Cut),
            Step::Reset => self.over(Event::Reset),
            Step::Refuse => self.over(Event::Refused),
        }
    }
}

impl Iterator for Walk {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            match self.place {
                Place::Over => return None,
                Place::Complete => return self.over(Event::End),
                _ if self.rest.len > 0 => return self.next_piece(),
                Place::BeforeHead | Place::Counted(_) | Place::Chunked | Place::UntilClose => {}
            }
            let Some(step) = self.steps.next() else {
                return self.close(Event::End);
            };
            if let Some(event) = self.step(step) {
                return Some(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(framing: Framing, steps: &[Step]) -> Vec<Event> {
        let head = Head { status: 200, headers: Vec::new(), framing };
        let events: Vec<_> = Walk::new(Plan { head: Some(head), steps: steps.to_vec() }).collect();
        assert!(matches!(events[0], Event::Head { .. }));
        events[1..].to_vec()
    }

    fn bytes(text: &str) -> Step {
        Step::Inline(text.as_bytes().to_vec())
    }

    fn data(text: &str) -> Event {
        Event::Data(text.as_bytes().to_vec())
    }

    #[test]
    fn a_length_ends_the_answer_whatever_follows() {
        let steps = [Step::Head, bytes("abc"), Step::Pause(Duration::ZERO), bytes("def")];
        assert_eq!(walk(Framing::Length(0), &steps), [Event::End]);
        assert_eq!(walk(Framing::Length(2), &steps), [data("ab"), Event::End]);
        let wait = Event::Wait(Duration::ZERO);
        assert_eq!(walk(Framing::Length(5), &steps), [data("abc"), wait.clone(), data("de"), Event::End]);
        assert_eq!(walk(Framing::Length(9), &steps), [data("abc"), wait, data("def"), Event::Cut]);
        assert_eq!(walk(Framing::Bodyless(Some(9)), &[Step::Head]), [Event::End]);
    }

    #[test]
    fn the_other_framings_end_with_the_plan_or_the_connection() {
        let steps = [Step::Head, bytes("a"), bytes("")];
        let closed = [Step::Head, bytes("a"), Step::Close];
        assert_eq!(walk(Framing::Chunked, &steps), [data("a"), Event::End]);
        assert_eq!(walk(Framing::Chunked, &closed), [data("a"), Event::Cut]);
        assert_eq!(walk(Framing::UntilClose, &steps), [data("a"), Event::End]);
        assert_eq!(walk(Framing::UntilClose, &closed), [data("a"), Event::End]);
        assert_eq!(
            walk(Framing::UntilClose, &[Step::Head, bytes("a"), Step::Reset]),
            [data("a"), Event::Reset]
        );
        let raw = [Step::Head, bytes("a"), Step::Raw(vec![b'b'])];
        assert_eq!(walk(Framing::Chunked, &raw), [data("a"), Event::Broken]);
        assert_eq!(walk(Framing::Length(2), &raw), [data("a"), data("b"), Event::End]);
    }

    #[test]
    fn plans_without_a_head() {
        let walk = |steps: &[Step]| Walk::new(Plan::headless(steps)).collect::<Vec<_>>();
        assert_eq!(walk(&[]), [Event::Cut]);
        assert_eq!(walk(&[Step::Close]), [Event::Cut]);
        assert_eq!(walk(&[Step::Reset]), [Event::Reset]);
        assert_eq!(walk(&[Step::Refuse]), [Event::Refused]);
        assert_eq!(walk(&[Step::Stall]), [Event::Stalled]);
        assert_eq!(walk(&[Step::Raw(vec![1]), Step::Close]), [Event::Broken]);
    }

    #[test]
    fn large_content_comes_in_pieces() {
        let slice = Slice { seed: 5, offset: 3, len: PIECE as u64 + 10 };
        let events = walk(Framing::Length(slice.len), &[Step::Head, Step::Body(slice)]);
        let [Event::Data(first), Event::Data(second), Event::End] = &events[..] else {
            panic!("{}", events.len())
        };
        assert_eq!((first.len(), second.len()), (PIECE, 10));
        assert_eq!([&first[..], &second[..]].concat(), slice.bytes());
    }
}

//! Flights: who joins which, and that none takes others down.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};

use tokio::sync::oneshot;

use super::*;
use crate::clock;
use crate::model::{AnswerBuilder, AttributeMask, OrganisationId, ProcedureId, RegisterId};

type Landed = Result<Answer, Failure>;

fn flight() -> Flight {
    let slot = Slot {
        terms: 0,
        register: RegisterId(1),
        key: None,
        organisation: Some(OrganisationId(2)),
        purpose: ProcedureId(3),
        epoch: 4,
    };
    Flight { subject: "1893120105732".parse().unwrap(), slot, attributes: AttributeMask::first(2) }
}

fn answer(since: CivilMs) -> Answer {
    AnswerBuilder::not_found(AttributeMask::first(2), since)
}

fn since(landed: Landed) -> CivilMs {
    landed.unwrap().since
}

/// Flights whose landings a test decides.
#[derive(Default)]
struct Airport {
    flights: Arc<Flights>,
    begun: AtomicUsize,
}

impl Airport {
    /// A request: its landing, whether it joined, and what lands the flight
    /// that it began.
    fn request(
        &self,
        flight: Flight,
        not_before: Option<Instant>,
    ) -> (Landing, bool, oneshot::Sender<Landed>) {
        let (land, landed) = oneshot::channel();
        let (landing, joined) = self.flights.join(flight, not_before, || {
            self.begun.fetch_add(1, Ordering::Relaxed);
            async { landed.await.expect("the test lands it") }
        });
        (landing, joined, land)
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn requests_at_the_same_time_join_one_flight_and_share_its_answer() {
    let airport = Airport::default();
    let (first, joined, land) = airport.request(flight(), None);
    assert!(!joined);
    let others: Vec<_> = (0..10).map(|_| airport.request(flight(), None)).collect();
    assert!(others.iter().all(|(_, joined, _)| *joined));
    land.send(Ok(answer(7))).unwrap();
    let first = first.wait().await.unwrap();
    for (landing, ..) in others {
        assert_eq!(first, landing.wait().await.unwrap());
    }
    assert_eq!(airport.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_flight_for_anything_else_is_not_joined() {
    let airport = Airport::default();
    let (_landing, _, _land) = airport.request(flight(), None);
    let slot = |change: fn(&mut Slot)| {
        let mut flight = flight();
        change(&mut flight.slot);
        flight
    };
    let others = [
        Flight { subject: "B123456".parse().unwrap(), ..flight() },
        Flight { attributes: AttributeMask::first(1), ..flight() },
        slot(|slot| slot.register = RegisterId(9)),
        slot(|slot| slot.key = Some("k".into())),
        slot(|slot| slot.organisation = Some(OrganisationId(9))),
        slot(|slot| slot.purpose = ProcedureId(9)),
        // Begun before a No: what it brings is never used again.
        slot(|slot| slot.epoch = 5),
    ];
    let count = others.len();
    for other in others {
        assert!(!airport.request(other, None).1);
    }
    assert_eq!(airport.begun(), 1 + count);
}

#[tokio::test(start_paused = true)]
async fn whoever_began_a_flight_may_leave_without_taking_others_down() {
    let airport = Airport::default();
    let (leader, _, land) = airport.request(flight(), None);
    let leader = tokio::spawn(leader.wait());
    let (other, joined, _) = airport.request(flight(), None);
    assert!(joined);
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    land.send(Ok(answer(7))).unwrap();
    assert_eq!(since(other.wait().await), 7);
}

#[tokio::test(start_paused = true)]
async fn a_flight_lands_although_nobody_waits_for_it() {
    let airport = Airport::default();
    let (landing, _, land) = airport.request(flight(), None);
    drop(landing);
    let (other, joined, _) = airport.request(flight(), None);
    assert!(joined);
    land.send(Ok(answer(7))).unwrap();
    assert_eq!(since(other.wait().await), 7);
    assert!(!airport.request(flight(), None).1, "it has landed");
}

#[tokio::test(start_paused = true)]
async fn a_flight_is_joined_only_where_it_began_late_enough() {
    let airport = Airport::default();
    let began = clock::monotonic();
    let (old, _, land_old) = airport.request(flight(), None);
    assert!(airport.request(flight(), Some(began)).1, "begun at that very moment");
    tokio::time::advance(Duration::from_millis(1)).await;
    let now = clock::monotonic();
    let (new, joined, land_new) = airport.request(flight(), Some(now));
    assert!(!joined);
    // The old one lands and leaves the new one in its place.
    land_old.send(Ok(answer(1))).unwrap();
    assert_eq!(since(old.wait().await), 1);
    let (later, joined, _) = airport.request(flight(), Some(now));
    assert!(joined);
    land_new.send(Ok(answer(2))).unwrap();
    assert_eq!(since(new.wait().await), 2);
    assert_eq!(since(later.wait().await), 2);
    assert_eq!(airport.begun(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_panics_fails_its_waiters_and_the_next_begins_anew() {
    let airport = Airport::default();
    let (first, _, land) = airport.request(flight(), None);
    let (second, ..) = airport.request(flight(), None);
    // The flight expects to be landed.
    drop(land);
    let failed = Failure::from(Unavailable::Error);
    assert_eq!(first.wait().await.unwrap_err(), failed);
    assert_eq!(second.wait().await.unwrap_err(), failed);
    let (third, joined, land) = airport.request(flight(), None);
    assert!(!joined);
    land.send(Ok(answer(3))).unwrap();
    assert_eq!(since(third.wait().await), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_shared_and_not_remembered() {
    let airport = Airport::default();
    let (first, _, land) = airport.request(flight(), None);
    let (second, ..) = airport.request(flight(), None);
    let failure = Failure { reason: Unavailable::Maintenance, retry_after: Some(30) };
    land.send(Err(failure)).unwrap();
    assert_eq!(first.wait().await.unwrap_err(), failure);
    assert_eq!(second.wait().await.unwrap_err(), failure);
    assert!(!airport.request(flight(), None).1);
}

/// Asks to join at the very moment at which a flight tells its answer.
struct JoinsWhenWoken {
    flights: Arc<Flights>,
    joined: Mutex<Option<bool>>,
}

impl Wake for JoinsWhenWoken {
    fn wake(self: Arc<Self>) {
        let fetch = || async { Err(Unavailable::Error.into()) };
        let (_, joined) = self.flights.join(flight(), None, fetch);
        self.joined.lock().unwrap().get_or_insert(joined);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flight_is_off_the_list_before_its_answer_is_told() {
    let airport = Airport::default();
    let (landing, _, land) = airport.request(flight(), None);
    let (probe, ..) = airport.request(flight(), None);
    let flights = airport.flights.clone();
    let woken = Arc::new(JoinsWhenWoken { flights, joined: Mutex::default() });
    let waker = Waker::from(woken.clone());
    let mut probe = std::pin::pin!(probe.wait());
    assert!(probe.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    land.send(Ok(answer(7))).unwrap();
    assert_eq!(since(landing.wait().await), 7);
    assert_eq!(*woken.joined.lock().unwrap(), Some(false));
}

#[tokio::test(start_paused = true)]
async fn a_flight_of_a_register_that_shares_nothing_is_joined_by_nobody() {
    let flights = Arc::new(Flights::default());
    let begun = Arc::new(AtomicUsize::new(0));
    let alone = || {
        let begun = begun.clone();
        flights.alone(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            Ok(answer(7))
        })
    };
    let (first, second) = (alone(), alone());
    assert_eq!((since(first.wait().await), since(second.wait().await)), (7, 7));
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    let panics = flights.alone(async { panic!("on purpose") });
    assert_eq!(panics.wait().await.unwrap_err(), Failure::from(Unavailable::Error));
}

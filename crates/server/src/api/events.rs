//! What changes, as it changes: server-sent events, read by `fetch`, which can sign.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::guard::{self, Caller};
use super::problem::Problem;
use super::wire::{KeptSites, Overview, Told};
use super::{Admin, activity, keeping, overview};

/// Streams that are open at a time: each looks once a second.
pub const FOLLOWERS_MAX: usize = 64;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks between two of what changes slowly and costs more to look at.
const OVERVIEW_EVERY: u32 = 10;
/// Looks between two at the caller's right to be told anything.
const RIGHTS_EVERY: u32 = 5;
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// `sites`, `activity` and `overview`, each the document of its route: first as it is, then whenever it changed. It
/// ends when the key no longer holds, or the server stops: ask again.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    responses((status = 200, description = "The events, one after another", body = Told, content_type = "text/event-stream"))
)]
pub async fn follow(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let place = Arc::clone(&admin.followers).try_acquire_owned();
    let place = place.map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "as many follow already as can be told: ask again in a minute")
    })?;
    // One that is not read holds up nobody: the teller waits for room, and ends with the reader.
    let (teller, told) = mpsc::channel(4);
    tokio::spawn(tell(Arc::clone(&admin), caller, teller, place));
    let events = futures::stream::unfold(told, |mut told| async move { told.recv().await.map(|event| (event, told)) });
    let kept = KeepAlive::new().interval(COMMENT_EVERY).text("here");
    let mut response = Sse::new(events).keep_alive(kept).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

type Teller = mpsc::Sender<Result<Event, Infallible>>;

async fn tell(admin: Arc<Admin>, caller: Caller, teller: Teller, place: OwnedSemaphorePermit) {
    let telling = async {
        let mut last = Last::default();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for look in 0_u32.. {
            ticks.tick().await;
            if look % RIGHTS_EVERY == 0 && !guard::still_holds(&admin, &caller).await {
                return;
            }
            if let Err(Gone) = last.look(&admin, &caller, &teller, look).await {
                return;
            }
        }
    };
    tokio::select! {
        () = telling => {}
        () = teller.closed() => {}
        () = admin.stop.cancelled() => {}
    }
    drop(place);
}

/// Nobody reads any more.
struct Gone;

/// What was told last.
#[derive(Default)]
struct Last {
    sites: String,
    activity: String,
    overview: String,
}

impl Last {
    /// Looks at everything whose turn it is; what cannot be seen now is looked at the next time.
    async fn look(&mut self, admin: &Admin, caller: &Caller, teller: &Teller, look: u32) -> Result<(), Gone> {
        let mut is_changed = false;
        if let Ok(sites) = keeping::all_sites(admin, caller).await {
            // Health and state are news; a sum that grows is not.
            let news: Vec<_> = sites.iter().map(|of| (&of.name, &of.state, of.reads, of.writes, &of.reason)).collect();
            let waiting = keeping::waiting_sites(admin).await;
            let news = format!("{news:?} {waiting:?}");
            if news != self.sites {
                self.sites = news;
                is_changed = true;
                send(teller, "sites", &KeptSites { sites, waiting, next: None }).await?;
            }
        }
        if let Ok(activity) = activity::seen(admin, caller).await {
            changed(&mut self.activity, teller, "activity", &activity).await?;
        }
        // What can be lost is another thing once a site is out.
        if (is_changed || look.is_multiple_of(OVERVIEW_EVERY))
            && let Ok(overview) = overview::seen(admin, caller).await
        {
            // Its age is no news.
            let news = Overview { promise_age_s: None, ..overview.clone() };
            let news = serde_json::to_string(&news).unwrap_or_default();
            if news != self.overview {
                self.overview = news;
                send(teller, "overview", &overview).await?;
            }
        }
        Ok(())
    }
}

async fn changed(last: &mut String, teller: &Teller, name: &str, document: &impl Serialize) -> Result<(), Gone> {
    let now = serde_json::to_string(document).unwrap_or_default();
    if now != *last {
        *last = now;
        send(teller, name, document).await?;
    }
    Ok(())
}

async fn send(teller: &Teller, name: &str, document: &impl Serialize) -> Result<(), Gone> {
    let event = Event::default().event(name).json_data(document).map_err(|_| Gone)?;
    teller.send(Ok(event)).await.map_err(|_| Gone)
}

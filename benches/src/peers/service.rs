//! The job as a good engineer would write it in a day: axum, reqwest, moka,
//! serde_json. No ledger.

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::form;
use super::serve::Place;

const TTL: Duration = Duration::from_secs(600);

struct Service {
    http: reqwest::Client,
    urls: [String; 4],
    answers: Cache<(usize, String), Arc<Value>>,
    refused: HashMap<String, HashSet<String>>,
}

#[derive(Deserialize)]
struct Asked {
    procedure: String,
    subjects: Subjects,
    presence: Option<String>,
}

#[derive(Deserialize)]
struct Subjects {
    applicant: String,
}

#[derive(Serialize)]
struct Bundle {
    disclosure: String,
    procedure: Value,
    complete: bool,
    fields: Map<String, Value>,
    sources: Map<String, Value>,
    notices: [Value; 0],
}

/// Serves until the process is ended.
pub(super) fn run(refusals: &Path, place: &Place) -> anyhow::Result<()> {
    let mut refused: HashMap<String, HashSet<String>> = HashMap::new();
    for line in std::fs::read_to_string(refusals)?.lines() {
        if let Some((person, register)) = line.split_once(' ') {
            refused.entry(person.to_owned()).or_default().insert(register.to_owned());
        }
    }
    let paths =
        ["/vehicles/query", "/driving/v2/licences", "/jobseekers/query", "/beneficiaries/query"];
    let urls = std::array::from_fn(|index| {
        let known = place.registers.iter().find(|(name, _)| name == form::REGISTERS[index].0);
        known.map_or_else(String::new, |(_, address)| format!("http://{address}{}", paths[index]))
    });
    let http = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
    let answers = Cache::builder().max_capacity(400_000).time_to_live(TTL).build();
    let service = Arc::new(Service { http, urls, answers, refused });
    let router = Router::new().route("/v1/prefill", post(prefill)).with_state(service);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, place.port)).await?;
        axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |stream| {
                let _ = stream.set_nodelay(true);
            }),
            router,
        )
        .await?;
        Ok(())
    })
}

async fn prefill(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Result<impl IntoResponse, StatusCode> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if token != Some("Bearer demo-org-snca") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    if asked.procedure != form::NAME {
        return Err(StatusCode::NOT_FOUND);
    }
    let person = asked.subjects.applicant;
    if asked.presence.as_deref().and_then(|it| it.strip_prefix("demo-person-")) != Some(&person) {
        return Err(StatusCode::FORBIDDEN);
    }
    let refused = |index: usize| {
        let register = form::REGISTERS[index].0;
        service.refused.get(&person).is_some_and(|registers| registers.contains(register))
    };
    let ask =
        async |index| if refused(index) { None } else { Some(service.ask(index, &person).await) };
    let (snca, driving, adem, cae) = tokio::join!(ask(0), ask(1), ask(2), ask(3));
    let answers = [snca, driving, adem, cae];

    let (mut fields, mut sources, mut complete) = (Map::new(), Map::new(), true);
    for (index, (register, names)) in form::REGISTERS.into_iter().enumerate() {
        let outcome = match &answers[index] {
            None => None,
            Some(None) => Some("error"),
            Some(Some(answer)) if answer.is_null() => Some("notFound"),
            Some(Some(_)) => Some("answered"),
        };
        if let Some(outcome) = outcome {
            sources.insert(register.to_owned(), json!({ "outcome": outcome }));
        }
        for name in names {
            let field = match &answers[index] {
                None => json!({ "status": "withheld", "source": register, "reason": "preference" }),
                Some(None) => {
                    json!({ "status": "unavailable", "source": register, "reason": "error" })
                }
                Some(Some(answer)) => match value(answer, name) {
                    None => json!({ "status": "empty", "source": register }),
                    Some(value) => json!({
                        "status": "filled", "value": value, "source": register,
                        "lastUpdated": answer["lastUpdated"], "ageSeconds": 60,
                    }),
                },
            };
            complete &= matches!(&answers[index], Some(Some(_)));
            fields.insert(name.to_owned(), field);
        }
    }
    let procedure = json!({ "id": form::NAME, "version": 1 });
    let disclosure = Uuid::now_v7().to_string();
    let bundle = Bundle { disclosure, procedure, complete, fields, sources, notices: [] };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(bundle)))
}

impl Service {
    /// What a register says of a person; null where it does not know them, nothing
    /// where it fails. Whoever asks for the same waits for the same call.
    async fn ask(&self, index: usize, person: &str) -> Option<Arc<Value>> {
        let key = (index, person.to_owned());
        self.answers.try_get_with(key, self.fetch(index, person)).await.ok()
    }

    async fn fetch(&self, index: usize, person: &str) -> anyhow::Result<Arc<Value>> {
        let (query, elements, about) = match index {
            0 => (
                json!({ "fields": ["plate", "make", "model", "firstRegistration", "vin", "inspectionValidUntil"], "holders": [person] }),
                "holders",
                "holder",
            ),
            1 => (
                json!({ "type": "QueryByMatricule", "fields": ["matricule", "licence.number", "licence.categories", "licence.issued", "licence.expires"], "matricule": [person] }),
                "licences",
                "matricule",
            ),
            2 => (
                json!({ "fields": ["registered", "registeredSince", "agency", "lastOccupation"], "jobseekers": [person] }),
                "jobseekers",
                "jobseeker",
            ),
            _ => (
                json!({ "fields": ["beneficiaryChildren", "childCount", "monthlyAmountCents", "paidSince"], "beneficiaries": [person] }),
                "beneficiaries",
                "beneficiary",
            ),
        };
        let response = self.http.post(&self.urls[index]).json(&query).send().await?;
        let mut answer: Value = response.error_for_status()?.json().await?;
        let found = answer[elements]
            .as_array_mut()
            .and_then(|all| all.iter_mut().find(|element| element[about] == person));
        Ok(Arc::new(found.map_or(Value::Null, Value::take)))
    }
}

fn value(answer: &Value, field: &str) -> Option<Value> {
    let each = |list: &Value, member: &str| {
        let list = list.as_array().filter(|list| !list.is_empty())?;
        Some(list.iter().map(|element| element[member].clone()).collect())
    };
    match field {
        "categories" => each(&answer["licence"]["categories"], "code"),
        "beneficiaryChildren" => each(&answer["allowance"]["children"], "matricule"),
        _ => {
            let place = match field {
                "licenceNumber" => "/licence/number",
                "issuedOn" => "/licence/issued/date",
                "expiresOn" => "/licence/expires/date",
                "registered" => "/registration/active",
                "registeredSince" => "/registration/since",
                "agency" => "/registration/agency",
                "lastOccupation" => "/lastOccupation/code",
                "childCount" => "/allowance/childCount",
                "monthlyAmountCents" => "/allowance/monthly/cents",
                "paidSince" => "/allowance/paidSince",
                other => return answer["vehicle"].get(other).filter(|it| !it.is_null()).cloned(),
            };
            answer.pointer(place).filter(|value| !value.is_null()).cloned()
        }
    }
}

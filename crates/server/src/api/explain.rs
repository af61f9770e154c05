//! Why something is allowed or not, step by step; and to the one who is refused, no more than they may know.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::{Extension, Json};
use engine::{Error, Explanation, Question};
use http::StatusCode;
use model::{AccessKeyId, BucketName, Grantee, ObjectKey, Role};
use policy::duty::Duty;
use policy::{ACTIONS, Basis, Facts, Flow, Refusal, Step, Target};

use super::Admin;
use super::guard::Caller;
use super::problem::{Problem, bad, body_of};
use super::users::named;
use super::wire::{self, Ask};

/// The steps, in their order, with what each asks.
const STEPS: [(Step, &str); 5] = [
    (Step::Authenticate, "authenticate"),
    (Step::Duty, "duty"),
    (Step::Lattice, "lattice"),
    (Step::Ceiling, "ceiling"),
    (Step::Allow, "allow"),
];

/// Why something is allowed or not.
#[utoipa::path(
    post,
    path = "/api/v1/explain",
    request_body = Ask,
    responses((status = 200, description = "The steps up to the one that decided", body = wire::Explanation))
)]
pub async fn explain(
    State(admin): State<Arc<Admin>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Ask>, JsonRejection>,
) -> Result<Json<wire::Explanation>, Problem> {
    let wanted = body_of(body)?;
    let session = caller.person()?;
    let own = admin.engine.name_of(session.principal).await?;
    let own = wanted.user.is_none() || wanted.user == own;
    if !own && !caller.may(Duty::ExplainAny) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "you may ask about yourself: leave the user out"));
    }
    let (principal, label) = match wanted.user.as_deref().filter(|_| !own) {
        Some(user) => {
            let user = named(&admin, &caller, user).await?;
            (user.id, user.clearance)
        }
        None => (session.principal, session.label),
    };
    let label = match &wanted.label {
        Some(text) => admin.accreditation.parse(text).map_err(bad)?,
        None => label,
    };
    let from = wanted.from.as_deref().map(|from| from.parse().map_err(|_| bad(format!("`{from}` is no address"))));
    let bucket = wanted.bucket.as_deref().map(|name| BucketName::parse(name).map_err(|error| bad(error.to_string())));
    let object = wanted.key.as_deref().map(|key| ObjectKey::parse(key).map_err(|error| bad(error.to_string())));
    let question = Question {
        principal,
        key: wanted.access_key.map(AccessKeyId),
        label,
        from: from.transpose()?,
        action: action(&wanted.action).map_err(bad)?,
        bucket: bucket.transpose()?,
        object: object.transpose()?,
    };
    if question.bucket.is_none() && question.action.target != Target::Account {
        return Err(bad("name the bucket this would be done to".to_owned()));
    }
    // Of oneself one is told what the door would say, and nothing of what lies above.
    let viewer = if caller.may(Duty::ExplainAny) { session.label } else { label };
    let explanation = admin.engine.explain(&admin.permit, viewer, &question).await?;
    // The label of a key that was named is known only now.
    if !session.label.dominates(&explanation.session.label) {
        return Err(Error::NotCleared.into());
    }
    Ok(Json(told(&admin, &question, &explanation).await?))
}

fn action(text: &str) -> Result<Facts, String> {
    ACTIONS.iter().find(|action| action.name.eq_ignore_ascii_case(text)).copied().ok_or_else(|| {
        let names: Vec<&str> = ACTIONS.iter().map(|action| action.name).collect();
        format!("`{text}` is no action: there are {}", names.join(", "))
    })
}

async fn told(admin: &Admin, question: &Question, of: &Explanation) -> Result<wire::Explanation, Problem> {
    let mut steps = Vec::new();
    for (step, name) in STEPS {
        let decided = of.verdict.step == step;
        let ceiling = (step == Step::Ceiling).then_some(of.place.as_ref()).flatten();
        let (outcome, why) = match (&of.verdict.outcome, decided, ceiling) {
            (Err(refusal), true, _) => ("no", refused(admin, of, *refusal)),
            (_, _, Some(Err(under))) => {
                ("no", format!("too few sites may hold the label, or take writes now: {under}"))
            }
            (Ok(basis), true, _) => ("yes", allowed(admin, *basis).await?),
            _ if step > of.verdict.step => break,
            _ => ("yes", passed(admin, question, of, step)),
        };
        steps.push(wire::Step { step: name.to_owned(), outcome: outcome.to_owned(), why });
        if outcome == "no" {
            break;
        }
    }
    let allowed = steps.last().is_some_and(|step| step.outcome == "yes");
    let action = question.action.name.to_owned();
    Ok(wire::Explanation { action, allowed, label: admin.accreditation.banner(&of.session.label), steps })
}

fn refused(admin: &Admin, of: &Explanation, refusal: Refusal) -> String {
    let mut why = refusal.to_string();
    if refusal == Refusal::Absent && !of.hidden.is_empty() {
        let labels: Vec<String> = of.hidden.iter().map(|label| admin.accreditation.banner(label)).collect();
        why = format!("{why} for this session: one of this name lies at {}", labels.join(", "));
    }
    why
}

fn passed(admin: &Admin, question: &Question, of: &Explanation, step: Step) -> String {
    let session = admin.accreditation.banner(&of.session.label);
    match step {
        Step::Authenticate => match &question.key {
            Some(key) => format!("the key {key} opens a session at {session}"),
            None => format!("a key at {session} would open a session"),
        },
        Step::Duty => format!("{} uses data", of.session.role.map_or("nobody", Role::name)),
        Step::Lattice => match &of.bucket {
            Some(bucket) => {
                let (at, way) = (admin.accreditation.banner(&bucket.label), way(question.action.flow));
                format!("the bucket lies at {at}, and the session at {session} may {way}")
            }
            None => "nothing flows between labels".to_owned(),
        },
        Step::Ceiling => "the enclave is accredited for the label, and sites enough may hold it".to_owned(),
        Step::Allow => String::new(),
    }
}

fn way(flow: Flow) -> &'static str {
    match flow {
        Flow::Read => "read from it",
        Flow::Write => "write to it",
    }
}

async fn allowed(admin: &Admin, basis: Basis) -> Result<String, Problem> {
    let name = async |id| -> Result<String, Problem> { Ok(admin.engine.name_of(id).await?.unwrap_or_default()) };
    Ok(match basis {
        Basis::Account => "it is one's own account".to_owned(),
        Basis::Owner => "it is the owner's".to_owned(),
        Basis::Grant(to, right) => format!("the bucket grants `{}` the right to {}", name(to).await?, right.name()),
        Basis::List(Grantee::Principal(to)) => format!("an access control list names `{}`", name(to).await?),
        Basis::List(Grantee::Authenticated) => "an access control list names everybody who has a key".to_owned(),
        Basis::List(Grantee::Everyone) => "an access control list names everybody".to_owned(),
    })
}

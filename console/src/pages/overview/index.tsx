// Is everything well, in one look; and if not, what is being done about it.

import { useDocument, useLive } from "../../api/documents";
import type { Activity, ActivityItem, Overview as Facts, Sites } from "../../api/types";
import { useSession } from "../../session";
import { count, counted } from "../../ui/format";
import { Age, Empty, Failure, Load, Page, Panel, Progress, State, sentence } from "../../ui/parts";
import { useHistory, useSpan } from "../../ui/history";
import { Cost } from "./cost";
import { KINDS, deed } from "./deeds";
import { Door } from "./door";
import { Promise } from "./promise";
import { SiteStrips } from "./strips";
import { verdict } from "./verdict";

export default function Overview() {
  const { session } = useSession();
  const { silent } = useLive();
  const sites = useDocument<Sites>("/sites", { every: 15, event: "sites" });
  const facts = useDocument<Facts>("/overview", { every: 30, event: "overview" });
  const activity = useDocument<Activity>("/activity", { every: 10, event: "activity" });
  const span = useSpan();
  const history = useHistory(span);
  return (
    <Page title="Overview" actions={span.choice}>
      <Load of={sites}>
        {({ sites }) => {
          // How it was is not how it is.
          if (silent !== null) return null;
          const { kind, title, lines } = verdict(sites, facts.data);
          return (
            <section className={`verdict verdict-${kind}`} aria-live="polite" aria-label="How the system is">
              <State kind={kind}>{kind === "ok" ? "Well" : kind === "warn" ? "Degraded" : "Act now"}</State>
              <div>
                <p className="verdict-title">{title}</p>
                {lines.map((line) => (
                  <p key={line}>{line}</p>
                ))}
              </div>
            </section>
          );
        }}
      </Load>
      <div className="panels">
        <Panel title="How many more vendors it can lose" aside={facts.data?.promise_age_s != null && facts.data.promise_age_s > 300 ? `counted ${Math.round(facts.data.promise_age_s / 60)} min ago` : undefined}>
          <Load of={facts}>{(facts) => <Promise rows={facts.promise} counted={facts.promise_age_s !== null} />}</Load>
        </Panel>
        <Panel title="What it is doing now">
          <Load of={activity}>{({ items }) => <Doing items={items} />}</Load>
        </Panel>
        <Panel title="Vendors" wide aside={`health over ${span.words}`}>
          <Load of={sites}>{({ sites }) => <SiteStrips sites={sites} history={history.data} span={span} />}</Load>
          {history.error && !history.data && <Failure problem={history.error} title="The past could not be loaded" />}
        </Panel>
        {history.data && <Door history={history.data} seesAll={session.sees_all} />}
        <Panel title="Cost of a month" wide aside="at list prices, as it goes now">
          <Load of={facts}>{({ cost_month }) => <Cost of={cost_month} sites={sites.data?.sites ?? []} seesAll={session.sees_all} />}</Load>
        </Panel>
      </div>
    </Page>
  );
}

function Doing({ items }: Activity) {
  if (items.length === 0) {
    return <Empty title="Nothing is under way">Repairs, scrubs, evacuations, moves and sites that are out are told here while they last, each with its reason.</Empty>;
  }
  return (
    <ul className="doing">
      {items.map((item) => (
        <li key={`${item.kind} ${item.what}`}>
          <div className="row">
            <strong>{deed(item)}</strong>
            <State kind={KINDS[item.state] ?? "plain"}>{item.state}</State>
            {item.since && (
              <span className="muted">
                <Age at={item.since} />
              </span>
            )}
          </div>
          <p className="muted">{sentence(item.why)}</p>
          {item.progress && <How progress={item.progress} />}
        </li>
      ))}
    </ul>
  );
}

function How({ progress: { done, total, unit } }: { progress: NonNullable<ActivityItem["progress"]> }) {
  // Units are told in the plural.
  const some = (many: number) => counted(many, unit.replace(/s$/, ""), unit);
  if (total === null) return <p className="num">{`${some(done)} so far`}</p>;
  // Of what goes on until nothing is left, only that is known.
  if (done === 0) return <p className="num">{`${some(total)} to go`}</p>;
  return <Progress label="So far" done={done} total={total} text={`${count(done)} of ${some(total)}`} />;
}

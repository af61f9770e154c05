// The durability ledger: objects by how many pieces they have to spare, by how well and how lately those are proven.

import { SegmentedControl } from "@mantine/core";
import { useMemo, useState } from "react";

import type { Durability, DurableBucket } from "../../api/types";
import { bytes, count, percent } from "../../ui/format";
import { Bytes, Empty, State } from "../../ui/parts";
import { Table } from "../../ui/table";
import { tone } from "../overview/promise";
import { type Standard, inWords, kept, standards } from "./standards";

export function Proofs({ ledger }: { ledger: Durability }) {
  const all = useMemo(() => standards(ledger.buckets), [ledger]);
  const [chosen, setChosen] = useState("recorded");
  if (all.length === 0) {
    return <Empty title="Nothing is stored yet">Once something is, this says how many of its pieces are on record, were seen at their sites, and were read and proven, and how lately.</Empty>;
  }
  const standard = all.find(({ name }) => name === chosen) ?? all[0]!;
  return (
    <div className="stack">
      <ul className="proofs">
        {all.map((standard) => (
          <ProofBar key={standard.name} standard={standard} />
        ))}
      </ul>
      <p className="legend" aria-hidden="true">
        <span>
          <span className="key tone-ok" /> two or more vendors to spare
        </span>
        <span>
          <span className="key tone-one" /> one
        </span>
        <span>
          <span className="key tone-warn" /> none
        </span>
        <span>
          <span className="key tone-none" /> not proven so
        </span>
      </p>
      <div className="row">
        <h3>By bucket</h3>
        <SegmentedControl
          size="xs"
          aria-label="Which proof counts"
          value={standard.name}
          onChange={setChosen}
          data={all.filter(({ proof, within_days: days }) => proof === "recorded" || (proof === "seen" && days === 7) || (proof === "read" && days === 30)).map(({ name, short }) => ({ value: name, label: short }))}
        />
      </div>
      <Buckets buckets={ledger.buckets} standard={standard} />
    </div>
  );
}

function ProofBar({ standard }: { standard: Standard }) {
  const { bytes: sum, by_spare: rows } = standard;
  const safe = rows.filter(({ spare }) => spare >= 0).reduce((all, row) => all + row.bytes, 0);
  const words = rows.map(({ spare, bytes: part }) => `${inWords(standard, spare)}: ${bytes(part)}`).join(", ");
  return (
    <li>
      <span className="proof-name">{standard.title}</span>
      <div className="bar thin" role="img" aria-label={`${standard.title}: ${words || "nothing"}`}>
        {rows.map(({ spare, bytes: part }) => (
          <span key={spare} className={spare < 0 && standard.proof !== "recorded" ? "tone-none" : tone(spare)} style={{ flexGrow: sum > 0 ? part / sum : 0 }} />
        ))}
      </div>
      <span className="num proof-part">{sum > 0 ? percent(safe / sum) : "–"}</span>
    </li>
  );
}

function Buckets({ buckets, standard }: { buckets: DurableBucket[]; standard: Standard }) {
  const part = (bucket: DurableBucket) => kept(bucket, standard);
  return (
    <Table
      caption={`Buckets by how much keeps its promise, ${standard.short}`}
      rows={buckets}
      name={(bucket) => `${bucket.label} ${bucket.bucket}`}
      marked={(bucket) => (standard.proof === "recorded" && part(bucket).below > 0 ? "warn" : undefined)}
      columns={[
        { head: "Bucket", cell: (bucket) => bucket.bucket, by: (bucket) => bucket.bucket },
        { head: "Label", cell: (bucket) => bucket.label, by: (bucket) => bucket.label, minor: true },
        { head: "Profile", cell: (bucket) => bucket.profile, by: (bucket) => bucket.profile, minor: true },
        { head: "Promise", numeric: true, cell: (bucket) => bucket.promise, by: (bucket) => bucket.promise },
        { head: "Objects and versions", numeric: true, cell: (bucket) => count(bucket.objects), by: (bucket) => bucket.objects, minor: true },
        { head: "Bytes", numeric: true, cell: (bucket) => <Bytes of={bucket.bytes} />, by: (bucket) => bucket.bytes },
        {
          head: "Keeps it",
          numeric: true,
          by: (bucket) => part(bucket).part,
          cell: (bucket) => {
            const { part: of, below } = part(bucket);
            if (of === null) return <span className="muted">nothing to prove</span>;
            return below === 0 ? <State kind="ok">all</State> : <State kind={standard.proof === "recorded" ? "warn" : "plain"}>{percent(of)}</State>;
          },
        },
      ]}
    />
  );
}

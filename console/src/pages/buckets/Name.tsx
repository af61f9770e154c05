import { runs, shown } from "./names";
import classes from "./buckets.module.css";

/** A name of somebody else's: text, in its own direction, with what is unseen as its code point. */
export function Name({ of, wrap = false }: { of: string; wrap?: boolean }) {
  if (of === "") return <span className={classes.escape}>no name</span>;
  return (
    <bdi dir="ltr" className={wrap ? classes.nameWrapped : classes.name} title={shown(of)}>
      {runs(of).map((run, index) =>
        run.escaped ? (
          <span key={index} className={classes.escape}>
            {run.text}
            {run.times && ` ×${run.times}`}
          </span>
        ) : (
          <bdi key={index} dir="ltr">
            {run.text}
          </bdi>
        ),
      )}
    </bdi>
  );
}

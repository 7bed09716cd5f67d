import type { DesktopStateJson } from '../../../src/view-model/desktop-state.ts';
import { formatCount } from '../format.ts';

type History = DesktopStateJson['history'];

const width = 300;
const height = 44;

/** Applied events per step, and the lag at the end of each, over the last minutes. */
export function ActivityChart({ history }: { readonly history: History }) {
  const { applied, lag, step_ms } = history;
  const seconds = Math.round((applied.length * step_ms) / 1000);
  return (
    <section className="panel" aria-labelledby="activity-title">
      <h2 id="activity-title">Activity</h2>
      <Plot label="Applied per second" values={applied} capacity={300} kind="bars" />
      <Plot label="Lag in events" values={lag} capacity={300} kind="line" />
      <p className="axis">
        <span>5 min ago</span>
        <span>{seconds < 300 ? `${seconds} s recorded` : ''}</span>
        <span>now</span>
      </p>
    </section>
  );
}

function Plot(props: {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly capacity: number;
  readonly kind: 'bars' | 'line';
}) {
  const { values, capacity, kind } = props;
  const known = values.filter((value) => value !== null);
  const highest = known.reduce((most, value) => Math.max(most, value), 0);
  const step = width / capacity;
  const x = (index: number) => (capacity - values.length + index) * step;
  // One below, so that a line at zero is still inside the picture.
  const y = (value: number) => height - 1 - (highest === 0 ? 0 : (value / highest) * (height - 4));
  const summary = known.length === 0 ? 'nothing known yet' : `highest ${formatCount(highest)}`;
  return (
    <figure className="plot">
      <figcaption>
        <span>{props.label}</span>
        <span className="numbers quiet">{summary}</span>
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${props.label}: ${summary}`}
      >
        <path className="ground" d={`M0 ${height - 0.5}H${width}`} />
        {kind === 'bars' ? (
          <path className="bars" d={bars(values, x, y, step)} />
        ) : (
          <path className="line" d={line(values, x, y, step)} />
        )}
      </svg>
    </figure>
  );
}

type Scale = (value: number) => number;

function bars(values: readonly (number | null)[], x: Scale, y: Scale, step: number): string {
  let path = '';
  values.forEach((value, index) => {
    if (value !== null && value > 0)
      path += `M${x(index).toFixed(2)} ${height}V${y(value).toFixed(2)}h${step}V${height}z`;
  });
  return path;
}

/** A step that is not known leaves a hole. */
function line(values: readonly (number | null)[], x: Scale, y: Scale, step: number): string {
  let path = '';
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null) {
      drawing = false;
      return;
    }
    path += `${drawing ? 'L' : 'M'}${x(index).toFixed(2)} ${y(value).toFixed(2)}h${step}`;
    drawing = true;
  });
  return path;
}

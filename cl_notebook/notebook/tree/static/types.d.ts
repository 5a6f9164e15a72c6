// The types that modules share. What Python defines is generated into schema.js.

import type { ColumnName, Kind, RequestParams, RowFields } from "./schema.js";

/** A row, and its index in the list of all rows. */
export type Row = RowFields & { index: number };

/** A row and the index where it was last seen. */
export type Mark = { id: string; index: number };

/** The widget's model: its traits, and messages to and from the kernel. */
export type Model = {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  send(message: object): void;
  // biome-ignore lint/suspicious/noExplicitAny: what an event carries depends on its name
  on(event: string, listener: (data?: any) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(event: string, listener: (data?: any) => void): void;
  widget_manager?: { get_model(id: string): Promise<KernelModel | undefined> | undefined };
};

/** What is used of the model that JupyterLab keeps: its comm. */
export type KernelModel = {
  comm?: { jsServicesComm?: { subshellStarted?: Promise<unknown> } };
  comm_live?: boolean;
};

export type Traits = {
  filter: string;
  only_faults: boolean;
  sort: string;
  columns: ColumnName[];
  selected: string[];
  focused: string;
  opened: string[];
  _problem: string;
  _state: SavedState;
  _first_steps: [purpose: string, line: string][];
  _can_add: boolean;
  _key: string;
  /** Where it stands: at the left side, beside the notebook, or below the cell. */
  _place: "" | "panel" | "side";
};

/** What is shown before the first reply, and without a kernel. `at` is in seconds since 1970. */
export type SavedState = Partial<{ rev: number; total: number; rows: RowValues[]; head: Head | null; at: number; title: string }>;

/** A row as it is sent: values in the order of ROW_FIELDS. */
export type RowValues = unknown[];

/** Sizes are in GiB. */
export type Capacity = { total?: Amount; free?: Amount; provisioned?: Amount };
export type Amount = number | string | null;
export type VolumeSums = { volumes: number; provisioned: number };

/** Counts of all volumes, and what is known of the backends. `shown` is null without a filter, and while it is being counted. */
export type Head = {
  volumes: number;
  shown: number | null;
  statuses: [status: string, count: number][];
  backends: Record<string, VolumeSums>;
  capacity?: Record<string, Capacity | null>;
};

/** Rows from `start` on. `anchor` and `focus` are where the marked rows are now; null if they are gone. */
export type WindowReply = {
  rev: number;
  total: number;
  start: number;
  rows: RowValues[];
  anchor?: number | null;
  focus?: number | null;
};

/** A value that an action asks for. `default` says what an empty field means. */
export type ActionField = {
  name: string;
  label: string;
  type: "text" | "number" | "flag" | "secret" | "lines" | "choice";
  value: string | number | boolean | null;
  required: boolean;
  help: string;
  default: string;
  group: string;
  choices: [value: string, label: string][];
};

/**
 * What can be done. `danger` names what would be removed; `why` is the reason if it cannot be done. With `changes` only fields
 * that were changed are values. `given` are values that are not asked for; `trial` is the flag that only tries the action.
 */
export type Action = {
  name: string;
  label: string;
  asks: ActionField[];
  danger: string | null;
  line: string;
  why: string | null;
  changes?: boolean;
  given?: Record<string, string | null>;
  trial?: string;
  title?: string;
};

export type LinkedResource = { id: string; name: string; status: string };
export type Operation = {
  at: number;
  action: string;
  status: string;
  duration: number | null;
  error: string | null;
  who: string;
};

export type DetailsReply = {
  id: string;
  kind: Kind;
  title: string;
  status: string;
  fields: [name: string, value: unknown][];
  snapshots?: LinkedResource[];
  more_snapshots?: number;
  connections?: LinkedResource[];
  more_connections?: number;
  history?: Operation[];
  held?: string[];
  acts: Action[];
};

/** `output` is what the line shows in a cell, if that is what it is for. */
export type ActReply = { line?: string; text: string; ids?: string[]; variable?: string | null; output?: string };

export type DriversReply = { drivers: { name: string; help: string }[]; note: string };

/** The reply to each request. */
export type Replies = {
  hello: { rev: number; total: number; head: Head };
  bye: object;
  ping: object;
  rows: WindowReply;
  open: WindowReply;
  all: WindowReply;
  select: { selected: number };
  range: { selected: number };
  seek: { index: number | null };
  reveal: { index: number | null };
  details: DetailsReply;
  shown: { line: string };
  offers: { acts: Action[] };
  begin: { text: string };
  drivers: DriversReply;
  addition: { act: Action };
  line: { line: string };
  act: ActReply;
};

export type RequestName = keyof RequestParams & keyof Replies;
export type SendRequest = <Name extends RequestName>(name: Name, params?: RequestParams[Name]) => Promise<Replies[Name]>;

/** A message that the kernel sends without a request. */
export type Push =
  | { push: "changed"; rev: number; total: number | null }
  | { push: "head"; head: Head }
  | { push: "store"; problem: string | null }
  | { push: "alive"; rev: number };

/** Whether the kernel answers. `since` is in seconds since 1970. */
export type Live = { state: "live" | "busy" | "lost" | "static"; since: number };

/** The events of the tree, and what their listeners get. */
export type Events = {
  head: Head;
  live: Live;
  store: string | null;
  rows: undefined;
  row: Row;
  focus: Row;
  selected: string[];
  pane: boolean;
};

/** What every part of the tree may use. */
export type App = {
  readonly model: Model;
  readonly el: HTMLElement;
  readonly head: Head | null;
  readonly live: Live;
  /** The row that has the focus, or had it last. */
  readonly focusedRow: Row | null;
  /** Whether the focus moved because its row was removed. */
  readonly isFocusMoved: boolean;
  readonly selectedIds: string[];
  on<Name extends keyof Events>(name: Name, listener: (data: Events[Name]) => void): void;
  emit<Name extends keyof Events>(name: Name, data: Events[Name]): void;
  request: SendRequest;
  /** Announce to assistive technology. */
  say(text: string): void;
  /** Show a problem for a while. */
  warn(problem: string): void;
  /** Show news for a while. */
  note(news: string): void;
  /** Open the form of a new backend, where there is one. */
  startAddition?(): void;
  findRow(id: string): Row | undefined;
  focusGrid(): void;
  /** Scroll to a row, opening what it is hidden below. */
  reveal(id: string, takeFocus?: boolean): Promise<void>;
  showPane(isShown: boolean): void;
  startAction(name: string, ids: string[]): void;
  /** Copy the line that shows a row, or put it into the notebook, where that is possible. */
  giveLine(row: Row, isCopied?: boolean): Promise<void>;
};

// What the live tree may do in JupyterLab and Notebook 7: stand beside the notebook, and put a line into a cell.
//
// A prebuilt extension is a container of webpack's module federation: `init` gets the modules that JupyterLab shares, `get` gives
// the plugin. It is so small that it is written by hand; nothing builds it. The tree finds it under Symbol.for("cl_notebook.lab").

(() => {
  const EDGE = 12; // pixels between a panel and the handle that moves its border, at most
  const MOST = 0.55; // of the width that there is
  const SIDE = "cl-notebook-"; // how the ids of panels beside the notebook begin
  const ICON =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path class="jp-icon3" fill="none" stroke="#616161" ' +
    'stroke-width="1.3" d="M3 4c0-1 2.2-2 5-2s5 1 5 2-2.2 2-5 2-5-1-5-2v8c0 1 2.2 2 5 2s5-1 5-2V4"/></svg>';
  /** @type {Record<string, Record<string, { get: () => Promise<() => any> }>>} */
  let shared = {};

  /**
   * Return a module that JupyterLab shares.
   * @param {string} name
   */
  async function load(name) {
    const [version] = Object.values(shared[name]);
    return (await version.get())();
  }

  /** @type {(widget: any, test: (other: any) => boolean) => any} */
  function above(widget, test) {
    let other = widget.parent;
    while (other && !test(other)) other = other.parent;
    return other;
  }

  /** @type {(widget: any) => boolean} */
  const isDock = ({ layout }) => layout?.moveHandle && typeof layout.handles === "function";

  // A new panel gets too little room to read a table in.
  /** @type {(widget: any, width: number) => void} */
  function widen(widget, width) {
    const split = above(widget, (other) => other.setRelativeSizes);
    const dock = above(widget, isDock);
    const most = ((dock ?? split)?.node.offsetWidth ?? 0) * MOST;
    const lacking = Math.min(width, most) - widget.node.offsetWidth;
    if (lacking <= 0) return;
    if (dock) {
      const left = widget.node.getBoundingClientRect().left;
      for (const handle of dock.layout.handles()) {
        const { right, height } = handle.getBoundingClientRect();
        if (!height || handle.dataset.orientation !== "horizontal" || Math.abs(right - left) > EDGE) continue;
        dock.layout.moveHandle(handle, handle.offsetLeft - lacking, handle.offsetTop);
        return;
      }
    } else if (split) {
      const sizes = split.relativeSizes();
      const at = split.widgets.findIndex((/** @type {any} */ side) => side.contains(widget));
      const share = sizes[at] + lacking / split.node.offsetWidth;
      const rest = 1 - sizes[at];
      split.setRelativeSizes(
        sizes.map((/** @type {number} */ size, /** @type {number} */ index) =>
          index === at ? share : (size / rest) * (1 - share),
        ),
      );
    }
  }

  async function get() {
    const [{ Widget }, { INotebookTracker, NotebookActions }, { LabIcon }] = await Promise.all(
      ["@lumino/widgets", "@jupyterlab/notebook", "@jupyterlab/ui-components"].map(load),
    );
    const icon = new LabIcon({ name: "cl-notebook:tree", svgstr: ICON });

    /** @type {(app: any, tracker: any) => void} */
    function activate(app, tracker) {
      /**
       * Show *node* at the left side, or beside the notebook; return what closes it, and shows it again.
       * @param {{ id: string, title: string, node: HTMLElement, isLeft: boolean, width: number, onClose: () => void }} panel
       */
      function open({ id, title, node, isLeft, width, onClose }) {
        for (const other of [...app.shell.widgets("left")]) if (other.id === id) other.dispose();
        const widget = new Widget({ node });
        widget.id = id;
        Object.assign(widget.title, {
          label: isLeft || app.name !== "JupyterLab" ? "" : title,
          caption: title,
          closable: true,
          icon,
        });
        widget.disposed.connect(onClose);
        // Notebook 7 has one widget in its main area, and no room beside it.
        const isSplit = !isLeft && app.name === "JupyterLab";
        // A second tree is a tab beside the first: three columns would leave the notebook no room.
        const before = isSplit && [...app.shell.widgets("main")].filter((other) => other.id.startsWith(SIDE)).at(-1);
        const show = () => app.shell.activateById(id);
        if (before) {
          app.shell.add(widget, "main", { mode: "tab-after", ref: before.id, activate: false });
          above(widget, isDock)?.selectWidget(widget);
        } else {
          if (isSplit) app.shell.add(widget, "main", { mode: "split-right", activate: false });
          else app.shell.add(widget, isLeft ? "left" : "right", { rank: 900 });
          if (!isSplit) show();
          requestAnimationFrame(() => requestAnimationFrame(() => widget.isAttached && widen(widget, width)));
        }
        return { show, close: () => widget.isDisposed || widget.dispose() };
      }

      /**
       * Put *line* into the current cell if it is empty, else into a new one below it; return whether there is a notebook.
       * @param {string} line
       */
      function insert(line) {
        const notebook = tracker?.currentWidget?.content;
        if (!notebook?.model) return false;
        const active = notebook.activeCell?.model;
        if (active?.type !== "code" || active.sharedModel.getSource().trim()) NotebookActions.insertBelow(notebook);
        notebook.activeCell.model.sharedModel.setSource(line);
        NotebookActions.focusActiveCell?.(notebook);
        notebook.scrollToItem?.(notebook.activeCellIndex);
        return true;
      }

      Object.defineProperty(globalThis, Symbol.for("cl_notebook.lab"), { value: { open, insert }, configurable: true });
    }

    const description = "Shows the tree of cl_notebook beside the notebook, and puts its lines into cells.";
    const plugin = { id: "cl-notebook:panel", description, autoStart: true, optional: [INotebookTracker], activate };
    return () => ({ __esModule: true, default: plugin });
  }

  /** @type {(scope: typeof shared) => void} */
  function init(scope) {
    shared = scope;
  }

  const containers = /** @type {any} */ (globalThis);
  containers._JUPYTERLAB ??= {};
  containers._JUPYTERLAB["cl-notebook"] = { init, get };
})();

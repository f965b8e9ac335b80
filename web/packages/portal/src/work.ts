/**
 * Working on a job, task after task.
 *
 * Two frames at most: the one being worked on, and the next one, taken and loaded while the worker is busy.
 * When an answer is accepted the next frame is simply uncovered. An answer that could not be sent stays in its
 * frame, and in memory for another try.
 */

import { ActiveTime } from "./active-time.js";
import { type Api, ApiError } from "./api.js";
import { durationText } from "./clock.js";
import { ask, confirmed } from "./dialogs.js";
import { h, icon, ICONS, nextPaint } from "./dom.js";
import type { Drafts } from "./drafts.js";
import { taskTypeText } from "./jobs.js";
import type { LastAnswers } from "./last-answers.js";
import { msg } from "./messages.js";
import type { Notices } from "./notices.js";
import { RETIRED, TaskFrame, type FrameListener, type OutlineQuestion } from "./task-frame.js";
import type { Answer, Task } from "./types.js";
import { WorkBar } from "./work-bar.js";

// Soon at first, since the next batch of objects may just be on its way; then less and less often.
const LOOK_AGAIN_MS = [500, 1500, 4000, 10_000];

export class WorkPage implements FrameListener {
  readonly element: HTMLElement;
  readonly #bar: WorkBar;
  readonly #stage = h("main", { class: "stage" });
  #current: TaskFrame | null = null;
  #next: TaskFrame | null = null;
  #isTakingAhead = false;
  #isSending = false;
  #isDisposed = false;
  #isOver = false;
  #nDone = 0;
  #time = new ActiveTime(performance.now() / 1000);
  #dismissProblem: () => void = () => undefined;
  readonly #ticker: number;
  #lookTimer = 0;
  #nLooks = 0;

  constructor(
    private readonly job: string,
    private readonly api: Api,
    private readonly drafts: Drafts,
    private readonly notices: Notices,
    private readonly lastAnswers: LastAnswers,
    worker: { username: string; signOut: () => void },
    private readonly leave: () => void,
  ) {
    this.#bar = new WorkBar(
      {
        leave,
        signOut: worker.signOut,
        skip: () => void this.#skip(),
        decline: () => void this.#decline(),
        release: () => void this.#release(),
        pause: () => void this.#pause(),
        describe: () => void this.#describe(),
      },
      worker.username,
      (text) => notices.announce(text),
    );
    this.element = h("div", { class: "work" }, this.#bar.element, this.#stage);
    this.#ticker = window.setInterval(() => this.#tick(), 500);
    document.addEventListener("visibilitychange", this.#onVisibility);
    window.addEventListener("keydown", this.#onKey);
    for (const name of ["pointerdown", "keydown"]) window.addEventListener(name, this.#onActivity, { passive: true });
    void this.#takeAndShow();
  }

  /** Leave the page: give back what was only taken ahead. */
  dispose(): void {
    this.#isDisposed = true;
    window.clearInterval(this.#ticker);
    window.clearTimeout(this.#lookTimer);
    document.removeEventListener("visibilitychange", this.#onVisibility);
    window.removeEventListener("keydown", this.#onKey);
    for (const name of ["pointerdown", "keydown"]) window.removeEventListener(name, this.#onActivity);
    this.#dismissProblem();
    if (this.#next) this.#giveBack(this.#next);
    this.#next = null;
    this.#current?.dispose();
    this.#current = null;
  }

  // --- what the frames say ------------------------------------------------------------------------------

  ready(frame: TaskFrame): void {
    frame.element.classList.remove("is-loading");
    frame.post({ type: "labelwright.keys", keys: this.#bar.keys });
    const draft = this.drafts.find(frame.task.id);
    if (draft !== null) {
      frame.post({ type: "labelwright.restore", draft });
      if (frame === this.#current) this.notices.show(msg().workIsBack);
    }
    if (frame === this.#current) {
      this.#stage.removeAttribute("aria-busy");
      void this.#takeAhead();
    }
  }

  activity(frame: TaskFrame): void {
    if (frame === this.#current) this.#onActivity();
  }

  draft(frame: TaskFrame, draft: unknown): void {
    if (frame !== this.#current || this.#isOver) return;
    this.#onActivity();
    if (draft === null || draft === undefined) this.drafts.forget(frame.task.id);
    else this.drafts.keep(frame.task.id, draft, frame.task.expires_at);
  }

  preferences(preferences: unknown): void {
    if (typeof preferences !== "object" || preferences === null) return;
    this.drafts.preferences = JSON.stringify(preferences);
    applyScheme((preferences as { colorScheme?: unknown }).colorScheme);
    // The next task was loaded before the worker made this choice.
    this.#next?.post({ type: "labelwright.preferences", preferences });
  }

  look(frame: TaskFrame, isFocused: boolean): void {
    if (frame === this.#current) this.element.classList.toggle("is-focused", isFocused);
    else frame.isFocused = isFocused;
  }

  previous(frame: TaskFrame): void {
    frame.post({ type: "labelwright.previous", answer: this.lastAnswers.find(frame.task.job) });
  }

  segment(frame: TaskFrame, { id, image, points, box, label }: OutlineQuestion): void {
    if (frame !== this.#current) return;
    this.api.segment(frame.task.id, { image, points, box, label }).then(
      (png) => frame.post({ type: "labelwright.segmented", id, png }),
      (error: unknown) => {
        const status = error instanceof ApiError ? error.status : 0;
        frame.post({ type: "labelwright.segmented", id, status, message: error instanceof Error ? error.message : "" });
      },
    );
  }

  shortcut(frame: TaskFrame, key: string): void {
    if (frame === this.#current) this.#bar.press(key);
  }

  submit(frame: TaskFrame, answer: Answer): void {
    if (frame === this.#current) void this.#send(frame, answer);
  }

  // --- taking -------------------------------------------------------------------------------------------

  async #takeAndShow(isQuiet = false, skippedObject = ""): Promise<void> {
    if (!isQuiet) this.#showWaiting();
    let task: Task | null;
    try {
      task = await this.api.take(this.job);
    } catch (error) {
      if (this.#isDisposed) return;
      if (isQuiet) this.#lookLater();
      else this.#showTrouble(error);
      return;
    }
    if (this.#isDisposed) return;
    if (task === null) {
      if (!isQuiet) this.#showNothingLeft();
      this.#lookLater();
      return;
    }
    if (skippedObject !== "" && task.object_id === skippedObject) {
      this.notices.show(msg().onlyThisLeft);
    }
    this.#nLooks = 0;
    const frame = this.#open(task);
    this.#show(frame);
    if (task.state !== "working") void this.#start(frame);
  }

  async #takeAhead(): Promise<void> {
    if (this.#next || this.#isTakingAhead || this.#isDisposed) return;
    this.#isTakingAhead = true;
    try {
      const task = await this.api.take(this.job, true);
      if (task === null) return;
      if (this.#isDisposed) {
        void this.api.release(task.id).catch(() => undefined);
        return;
      }
      if (task.id === this.#current?.task.id) return;
      this.#next = this.#open(task);
      this.#stage.append(this.#next.element);
    } catch {
      // Only a convenience: the next task is taken when it is needed.
    } finally {
      this.#isTakingAhead = false;
    }
  }

  #open(task: Task): TaskFrame {
    return new TaskFrame(task, this, this.drafts.preferences);
  }

  #show(frame: TaskFrame): void {
    this.#current = frame;
    this.#isOver = false;
    this.#dismissProblem();
    this.#time = new ActiveTime(performance.now() / 1000);
    if (!frame.element.isConnected) this.#stage.replaceChildren(frame.element);
    for (const child of [...this.#stage.children]) {
      const isKept = child === frame.element || child === this.#next?.element || child.classList.contains(RETIRED);
      if (!isKept) child.remove();
    }
    this.element.classList.toggle("is-focused", frame.isFocused);
    frame.show();
    if (!frame.isReady) {
      frame.element.classList.add("is-loading");
      this.#stage.setAttribute("aria-busy", "true");
    }
    this.element.classList.add("has-task");
    this.#bar.show(frame.task);
    this.#bar.setBusy(false);
    this.#tick();
  }

  /** Begin a task that was reserved; when that fails (the reservation ran out) take another one. */
  async #start(frame: TaskFrame): Promise<void> {
    try {
      frame.task = await this.api.start(frame.task.id);
    } catch (error) {
      if (frame !== this.#current || this.#isDisposed) return;
      if (error instanceof ApiError && (error.status === 409 || error.status === 404)) {
        this.#drop(frame);
        await this.#takeAndShow();
      } else {
        this.#offer(error, () => void this.#start(frame));
      }
    }
  }

  /** The current task is done with: show the next one. */
  #advance(skippedObject = ""): void {
    const done = this.#current;
    const next = this.#next;
    this.#next = null;
    if (next && next.task.expires_at > this.api.now()) {
      if (done) {
        this.drafts.forget(done.task.id);
        done.retire();
      }
      this.#show(next);
      this.notices.announce(msg().nextTask);
      const started = this.#start(next);
      // All frames share one process: what comes now would hold up the picture that the worker waits for.
      void nextPaint().then(async () => {
        done?.dispose();
        await started;
        if (next.isReady) void this.#takeAhead();
      });
    } else {
      if (done) this.#drop(done);
      next?.dispose();
      void this.#takeAndShow(false, skippedObject);
    }
  }

  #drop(frame: TaskFrame): void {
    this.drafts.forget(frame.task.id);
    frame.dispose();
    if (frame === this.#current) this.#current = null;
  }

  #giveBack(frame: TaskFrame): void {
    frame.dispose();
    void this.api.release(frame.task.id).catch(() => undefined);
  }

  // --- handing in ---------------------------------------------------------------------------------------

  async #send(frame: TaskFrame, answer: Answer): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#dismissProblem();
    this.#bar.setBusy(true);
    try {
      await this.api.submit(frame.task.id, answer, this.#time.total(performance.now() / 1000));
    } catch (error) {
      if (!this.#isDisposed) this.#notSent(frame, answer, error);
      return;
    } finally {
      this.#isSending = false;
      this.#bar.setBusy(false);
    }
    this.lastAnswers.keep(frame.task.job, answer);
    this.#nDone += 1;
    this.#bar.setDone(this.#nDone);
    if (frame === this.#current && !this.#isDisposed) this.#advance();
    frame.post({ type: "labelwright.submitted" });
  }

  #notSent(frame: TaskFrame, answer: Answer, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    // The form becomes usable again in any case; the answer is still in it.
    frame.post({ type: "labelwright.refused", message, field: error instanceof ApiError ? error.field : undefined });
    if (error instanceof ApiError && error.status === 422) {
      this.#dismissProblem = this.notices.show(msg().notAccepted(message), "problem");
    } else if (error instanceof ApiError && (error.status === 409 || error.status === 404)) {
      void this.#lost(frame, message);
    } else {
      this.#dismissProblem = this.notices.show(msg().notSentYet(message), "problem", [
        { label: msg().retry, run: () => void this.#send(frame, answer) },
      ]);
    }
  }

  /** The task is not ours any more. */
  async #lost(frame: TaskFrame, message: string): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    frame.post({ type: "labelwright.lock", message });
    this.#bar.setBusy(true);
    const goOn = await ask(
      msg().taskLost,
      [message],
      [
        { label: msg().backToList, value: false },
        { label: msg().toNextTask, value: true, kind: "primary" },
      ],
    );
    if (this.#isDisposed) return;
    if (goOn) this.#advance();
    else this.leave();
  }

  // --- other ways out -----------------------------------------------------------------------------------

  async #skip(): Promise<void> {
    const frame = this.#current;
    if (!frame || !(await this.#leaveTask(() => this.api.release(frame.task.id)))) return;
    this.#advance(frame.task.object_id);
  }

  async #decline(): Promise<void> {
    const frame = this.#current;
    if (!frame) return;
    if (!(await confirmed(msg().askDecline, msg().declineText, msg().declineTask, "danger"))) return;
    if (await this.#leaveTask(() => this.api.decline(frame.task.id))) this.#advance();
  }

  async #release(): Promise<void> {
    const frame = this.#current;
    if (!frame) return;
    if (!(await confirmed(msg().askRelease, msg().releaseText, msg().releaseTask, "danger"))) return;
    if (!(await this.#leaveTask(() => this.api.release(frame.task.id)))) return;
    this.drafts.forget(frame.task.id);
    this.leave();
  }

  async #pause(): Promise<void> {
    const frame = this.#current;
    if (!frame) return;
    const leftS = frame.task.expires_at - this.api.now();
    const text = msg().pauseText(durationText(leftS));
    if (!(await confirmed(msg().askPause, text, msg().stopForNow, "primary"))) return;
    if (!(await this.#leaveTask(() => this.api.pause(frame.task.id)))) return;
    this.leave();
  }

  async #leaveTask(act: () => Promise<void>): Promise<boolean> {
    const frame = this.#current;
    this.#bar.setBusy(true);
    try {
      await act();
      return !this.#isDisposed && frame === this.#current;
    } catch (error) {
      if (frame && error instanceof ApiError && (error.status === 409 || error.status === 404)) {
        await this.#lost(frame, error.message);
      } else {
        this.notices.show(error instanceof Error ? error.message : String(error), "problem");
      }
      return false;
    } finally {
      this.#bar.setBusy(false);
    }
  }

  async #describe(): Promise<void> {
    const task = this.#current?.task;
    if (!task) return;
    const facts = h(
      "dl",
      { class: "facts" },
      h("div", {}, h("dt", {}, msg().kind), h("dd", {}, taskTypeText(task.task_type))),
      h("div", {}, h("dt", {}, msg().timeForOne), h("dd", {}, durationText(task.time_limit_s))),
      h("div", {}, h("dt", {}, msg().job), h("dd", {}, task.job)),
    );
    await ask(
      task.title,
      [task.description, facts, h("p", { class: "muted" }, msg().howToDo)],
      [{ label: msg().close, value: true, kind: "primary" }],
      true,
    );
    this.#current?.element.focus();
  }

  // --- the rest of the stage ----------------------------------------------------------------------------

  #showWaiting(): void {
    this.#stage.replaceChildren(
      h(
        "div",
        { class: "empty", role: "status" },
        h("div", { class: "spinner" }),
        h("p", { class: "muted" }, msg().gettingTask),
      ),
    );
    if (this.#next) this.#stage.append(this.#next.element);
  }

  #showNothingLeft(): void {
    this.element.classList.remove("has-task");
    const heading = h("h1", { tabindex: "-1" }, this.#nDone === 0 ? msg().noTasksNow : msg().noMoreTasks);
    this.#stage.replaceChildren(
      h(
        "div",
        { class: "empty" },
        icon(...(this.#nDone === 0 ? ICONS.tray : ICONS.trophy)),
        heading,
        h("p", { class: "muted" }, msg().openByThemselves(this.#nDone)),
        h("button", { type: "button", class: "button primary", on: { click: () => this.leave() } }, msg().backToList),
      ),
    );
    heading.focus();
  }

  #lookLater(): void {
    this.#lookTimer = window.setTimeout(
      () => {
        if (document.visibilityState === "visible") void this.#takeAndShow(true);
        else this.#lookLater();
      },
      LOOK_AGAIN_MS[Math.min(this.#nLooks++, LOOK_AGAIN_MS.length - 1)],
    );
  }

  #showTrouble(error: unknown): void {
    this.element.classList.remove("has-task");
    const message = error instanceof Error ? error.message : String(error);
    this.#stage.replaceChildren(
      h(
        "div",
        { class: "empty", role: "alert" },
        h("h1", {}, msg().noTaskTaken),
        h("p", { class: "muted" }, message),
        h(
          "div",
          { class: "dialog-buttons" },
          h("button", { type: "button", class: "button", on: { click: () => this.leave() } }, msg().backToList),
          h(
            "button",
            { type: "button", class: "button primary", on: { click: () => void this.#takeAndShow() } },
            msg().tryAgain,
          ),
        ),
      ),
    );
  }

  #offer(error: unknown, again: () => void): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#dismissProblem();
    this.#dismissProblem = this.notices.show(message, "problem", [{ label: msg().retry, run: again }]);
  }

  #tick(): void {
    const frame = this.#current;
    if (!frame || this.#isOver) return;
    const remainingS = frame.task.expires_at - this.api.now();
    this.#bar.tick(remainingS, frame.task.time_limit_s);
    if (remainingS > 0 || this.#isSending) return;
    this.drafts.forget(frame.task.id);
    void this.#lost(frame, msg().timeOver);
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === "?" && !event.ctrlKey && !event.metaKey && !document.querySelector("dialog[open]")) {
      if (!this.#current) return;
      this.#current.post({ type: "labelwright.help" });
      this.#current.element.focus();
      event.preventDefault();
    }
    if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (this.#bar.press(`Alt+${event.code.replace(/^Key/, "")}`)) event.preventDefault();
  };

  readonly #onActivity = (): void => {
    this.#time.touch(performance.now() / 1000);
  };

  readonly #onVisibility = (): void => {
    const now = performance.now() / 1000;
    if (document.visibilityState === "visible") this.#time.touch(now);
    else this.#time.hide(now);
  };
}

/** The worker's choice for the tasks holds for the page around them too. */
export function applyScheme(scheme: unknown): void {
  const { dataset } = document.documentElement;
  if (scheme === "light" || scheme === "dark") dataset["scheme"] = scheme;
  else delete dataset["scheme"];
}

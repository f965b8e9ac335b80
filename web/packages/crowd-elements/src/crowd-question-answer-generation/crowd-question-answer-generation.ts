import {
  CodePoints,
  type PairLimits,
  type QuestionAnswer,
  type QuestionPair,
  type Range_,
  type Span,
  addReference,
  paletteColor,
  pairProblem,
  questionAnswer,
  toStringList,
  trimRange,
  wordAt,
} from "@labelwright/annotation-core";
import { html, nothing } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property, query, state } from "lit/decorators.js";

import { booleanProperty, numberAttribute } from "../base/attributes.js";
import { type Problem } from "../base/control.js";
import type { KeyGroup } from "../base/keys.js";
import { msg } from "../base/messages.js";
import { caretKeys } from "../base/text-keys.js";
import { TextView } from "../base/text-view.js";
import { textStyles } from "../base/text.styles.js";
import { WidgetElement } from "../base/widget.js";
import { pairList } from "./pair-list.js";
import { questionAnswerStyles } from "./question-answer.styles.js";

/**
 * Write questions and answers about a text, each with the passages it comes from. The answer is
 * `{questionAnswerPairs: [{question, answer, tags, references, referencesEntireText}]}`, offsets in code points.
 *
 * @slot short-instructions - Filled by a child of that tag name.
 * @slot full-instructions - Filled by a child of that tag name.
 * @event change - A pair was added, edited or deleted.
 */
export class CrowdQuestionAnswerGeneration extends WidgetElement {
  static override structured = { "question-tags": { read: toStringList, reflect: false } };
  static override requiredAttributes = ["name", "text", "question-tags", "allow-custom-question-tags"];

  static override styles = [...WidgetElement.styles, textStyles, questionAnswerStyles];

  /** The text that the questions are about. Never read as HTML. */
  @property() text = "";
  @property({ attribute: "min-questions", converter: numberAttribute }) minQuestions: number | null = null;
  @property({ attribute: "max-questions", converter: numberAttribute }) maxQuestions: number | null = null;
  @property({ attribute: "question-min-words", converter: numberAttribute }) questionMinWords: number | null = null;
  @property({ attribute: "question-max-words", converter: numberAttribute }) questionMaxWords: number | null = null;
  @property({ attribute: "answer-min-words", converter: numberAttribute }) answerMinWords: number | null = null;
  @property({ attribute: "answer-max-words", converter: numberAttribute }) answerMaxWords: number | null = null;
  @property({ ...booleanProperty, attribute: "allow-custom-question-tags", reflect: false })
  allowCustomQuestionTags = false;

  @state() private pairs: readonly QuestionPair[] = [];
  @state() private currentId: number | null = null;
  @state() private announcement = "";

  @query(".text") private readonly textElement!: HTMLElement;

  #view: TextView | null = null;
  #points = new CodePoints("");
  #nextId = 1;
  #isTouched = false;
  #undo: (readonly QuestionPair[])[] = [];
  #redo: (readonly QuestionPair[])[] = [];
  /** Which passage a mark stands for. */
  #marks: { readonly pair: QuestionPair; readonly index: number }[] = [];

  // ---- life ----------------------------------------------------------------------------------------------------

  override connectedCallback(): void {
    super.connectedCallback();
    this.#view?.connect();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#view?.disconnect();
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    if (changed.has("text")) {
      this.#points = new CodePoints(this.text);
      const fits = ({ end }: Range_): boolean => end <= this.text.length;
      this.pairs = this.pairs.map((pair) => ({ ...pair, references: pair.references.filter(fits) }));
    }
    if (!this.#isTouched && this.pairs.length < this.#min) {
      while (this.pairs.length < this.#min) this.pairs = [...this.pairs, this.#newPair()];
      this.currentId = this.pairs[0]?.id ?? null;
    }
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#view = new TextView(this.textElement, {
      markOf: (span) => this.#markOf(span),
      selected: (range) => this.#refer(range),
      clicked: (spans) => this.#clicked(spans),
      removed: (id) => this.#removeMark(id),
      announce: (text) => {
        this.announcement = text;
      },
    });
    this.#view.connect();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("text")) this.#view?.setText(this.text);
    if (changed.has("text") || changed.has("pairs") || changed.has("currentId")) this.#drawMarks();
  }

  #drawMarks(): void {
    this.#marks = this.pairs.flatMap((pair) =>
      pair.isAboutAll ? [] : pair.references.map((_, index) => ({ pair, index })),
    );
    this.#view?.setSpans(
      this.#marks.map(({ pair, index }, id) => ({ ...pair.references[index]!, id, label: String(pair.id) })),
    );
  }

  #markOf(span: Span): {
    color: string;
    tag: string;
    title: string;
    isSelected: boolean;
    canRemove: boolean;
  } {
    const { pair } = this.#marks[span.id]!;
    const number = this.pairs.indexOf(pair) + 1;
    return {
      color: this.#colorOf(pair),
      tag: String(number),
      title: pair.question || msg().questionNumber(number),
      isSelected: pair.id === this.currentId,
      canRemove: !this.disabled,
    };
  }

  #colorOf(pair: QuestionPair): string {
    return paletteColor(pair.id - 1);
  }

  // ---- attributes and values -----------------------------------------------------------------------------------

  get questionTags(): string[] {
    return [...(this.getStructured("question-tags") as string[])];
  }
  set questionTags(value: unknown) {
    this.setStructured("question-tags", value);
  }

  get #min(): number {
    return Math.max(0, Math.floor(this.minQuestions ?? 1));
  }

  get #max(): number {
    return this.maxQuestions === null ? Infinity : Math.max(this.#min, Math.floor(this.maxQuestions));
  }

  get #limits(): PairLimits {
    return {
      question: { min: this.questionMinWords ?? 1, max: this.questionMaxWords ?? Infinity },
      answer: { min: this.answerMinWords ?? 1, max: this.answerMaxWords ?? Infinity },
    };
  }

  protected override isMissing(attribute: string): boolean {
    return attribute === "text" ? this.text === "" : super.isMissing(attribute);
  }

  get value(): QuestionAnswer {
    return questionAnswer(this.pairs, this.text, this.#points);
  }

  get _submittableValue(): QuestionAnswer {
    return this.value;
  }

  /** The first pair that cannot be sent yet, and the field to go to. */
  #faulty(): { pair: QuestionPair; field: string; message: string } | null {
    for (const [i, pair] of this.pairs.entries()) {
      const problem = pairProblem(pair, this.#limits);
      if (!problem) continue;
      const name = msg().questionNumber(i + 1);
      if (problem.field === "references") return { pair, field: "references", message: msg().pairNoReference(name) };
      const { limit, now } = problem;
      const field = (problem.field === "question" ? msg().question : msg().questionAnswer).toLowerCase();
      const say = problem.is === "short" ? msg().pairTooShort : msg().pairTooLong;
      return { pair, field: problem.field, message: say(name, field, limit, now) };
    }
    return null;
  }

  protected override widgetProblem(): Problem | null {
    if (this.pairs.length < this.#min) return { message: msg().tooFewQuestions(this.#min, this.pairs.length) };
    const faulty = this.#faulty();
    return faulty && { message: faulty.message };
  }

  override focusControl(): void {
    const faulty = this.#faulty();
    const id = faulty && faulty.field !== "references" ? `${faulty.field}-${faulty.pair.id}` : null;
    if (faulty) this.currentId = faulty.pair.id;
    if (id) this.renderRoot.querySelector<HTMLElement>(`#${id}`)?.focus();
    else if (faulty) this.textElement.focus({ preventScroll: true });
    else this.renderRoot.querySelector<HTMLElement>("textarea, #add-pair")?.focus();
  }

  override resetControl(): void {
    this.#isTouched = false;
    this.#undo = [];
    this.#redo = [];
    this.pairs = [];
    this.showProblem(null);
  }

  override getDraft(): unknown {
    return this.#isTouched ? { pairs: this.pairs } : undefined;
  }

  override restoreDraft(draft: unknown): void {
    const pairs = (draft as { pairs?: unknown } | null)?.pairs;
    if (!Array.isArray(pairs)) return;
    const isRange = (range: Range_ | null): boolean =>
      Number.isInteger(range?.start) && Number.isInteger(range?.end) && range!.start >= 0 && range!.start < range!.end;
    this.#isTouched = true;
    this.pairs = (pairs as Partial<QuestionPair>[]).map((given) => ({
      ...this.#newPair(),
      question: String(given.question ?? ""),
      answer: String(given.answer ?? ""),
      tags: Array.isArray(given.tags) ? given.tags.map(String) : [],
      references: Array.isArray(given.references) ? given.references.filter(isRange) : [],
      isAboutAll: given.isAboutAll === true,
    }));
    this.currentId = this.pairs[0]?.id ?? null;
  }

  // ---- editing -------------------------------------------------------------------------------------------------

  #newPair(): QuestionPair {
    return { id: this.#nextId++, question: "", answer: "", tags: [], references: [], isAboutAll: false };
  }

  /** One step that can be undone. */
  #commit(pairs: readonly QuestionPair[]): void {
    this.#undo.push(this.pairs);
    this.#redo = [];
    this.pairs = pairs;
  }

  #change(pair: QuestionPair, changes: Partial<QuestionPair>): void {
    const pairs = this.pairs.map((other) => (other.id === pair.id ? { ...other, ...changes } : other));
    this.#isTouched = true;
    // Typing is undone by the field itself.
    if ("question" in changes || "answer" in changes) {
      this.pairs = pairs;
      this.emit("input");
    } else this.#commit(pairs);
  }

  #step(from: (readonly QuestionPair[])[], to: (readonly QuestionPair[])[]): void {
    const before = from.pop();
    if (!before) return;
    to.push(this.pairs);
    // What was typed since then stays.
    this.pairs = before.map((pair) => {
      const now = this.pairs.find(({ id }) => id === pair.id);
      return now ? { ...pair, question: now.question, answer: now.answer } : pair;
    });
    this.changed();
  }

  protected override changed(): void {
    this.#isTouched = true;
    const wasRefused = this.shownProblem !== "";
    super.changed();
    // Leaving a field is a change too: what is still missing must not vanish with it.
    if (wasRefused) this.shownProblem = this.widgetProblem()?.message ?? "";
  }

  #add(references: readonly Range_[] = []): QuestionPair | null {
    if (this.disabled || this.pairs.length >= this.#max) return null;
    const pair = { ...this.#newPair(), references };
    this.#commit([...this.pairs, pair]);
    this.currentId = pair.id;
    this.changed();
    return pair;
  }

  #focusQuestion(pair: QuestionPair | null): void {
    if (!pair) return;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#question-${pair.id}`)?.focus());
  }

  #remove(pair: QuestionPair): void {
    const at = this.pairs.findIndex(({ id }) => id === pair.id);
    this.#commit(this.pairs.filter(({ id }) => id !== pair.id));
    const next = this.pairs[Math.min(at, this.pairs.length - 1)];
    this.currentId = next?.id ?? null;
    this.changed();
  }

  /** Makes a passage a reference of the current question. */
  #refer(given: Range_): void {
    const range = this.disabled ? null : trimRange(this.text, given.start, given.end);
    if (!range) return;
    const pair = this.pairs.find(({ id }) => id === this.currentId);
    this.#view?.clearSelection();
    if (!pair) {
      this.#add([range]);
      return;
    }
    this.#change(pair, { references: addReference(pair.references, range), isAboutAll: false });
    const name = msg().questionNumber(this.pairs.findIndex(({ id }) => id === pair.id) + 1);
    this.announcement = msg().referenceAdded(name, this.text.slice(range.start, range.end));
    this.changed();
  }

  #clicked(spans: readonly Span[]): void {
    const ids = spans.map((span) => this.#marks[span.id]!.pair.id);
    if (!ids.length) return;
    this.currentId = ids[(ids.indexOf(this.currentId ?? -1) + 1) % ids.length]!;
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector(`#pair-${this.currentId}`)?.scrollIntoView({ block: "nearest" }),
    );
  }

  #removeMark(id: number): void {
    const mark = this.#marks[id];
    if (!mark || this.disabled) return;
    this.#change(mark.pair, { references: mark.pair.references.filter((_, i) => i !== mark.index) });
    this.changed();
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  protected override keyGroups(): KeyGroup[] {
    const m = msg();
    /** Only while the text has the focus. */
    const inText =
      (act: (view: TextView, event: KeyboardEvent) => boolean | void) =>
      (event: KeyboardEvent): boolean | void => {
        const view = this.#view;
        return view && event.composedPath()[0] === this.textElement ? act(view, event) : false;
      };
    return [
      {
        title: m.questionsAndAnswers,
        keys: [
          { keys: ["N"], text: m.keyNewQuestion, run: () => this.#focusQuestion(this.#add()) },
          { keys: ["Ctrl+Z"], text: m.undo, run: () => this.#step(this.#undo, this.#redo) },
          { keys: ["Ctrl+Y", "Ctrl+Shift+Z"], text: m.redo, run: () => this.#step(this.#redo, this.#undo) },
        ],
      },
      {
        title: m.keysOfText,
        keys: [
          { shown: [m.keyMouseDrag, m.keyDoubleClick], text: m.keyMarkReference },
          ...caretKeys((event) => inText((view) => view.onKey(event))(event)),
          { keys: [" "], text: m.keyWord, run: inText((view) => this.#selectWord(view)) },
          { keys: ["Enter"], text: m.keyEnterReference, run: inText((view) => this.#refer(view.range)) },
          {
            keys: ["Escape"],
            text: m.keyDropSelection,
            run: inText((view) => {
              const has = view.range.start < view.range.end;
              if (has) view.clearSelection();
              return has;
            }),
          },
        ],
      },
    ];
  }

  #selectWord(view: TextView): void {
    const { start, end } = view.range;
    const space = start < end ? (/^\s+/.exec(this.text.slice(end, end + 256))?.[0].length ?? 0) : 0;
    const word = wordAt(this.text, end + space);
    if (word) view.select({ start: start < end ? start : word.start, end: word.end });
  }

  // ---- drawing -------------------------------------------------------------------------------------------------

  protected override renderWork(): TemplateResult {
    return html`<div class="text-wrap">
        <div class="text" tabindex="0" role="application" aria-label=${msg().readingHelp} aria-describedby="question"></div>
      </div>
      <div class="visually-hidden" aria-live="polite">${this.announcement}</div>`;
  }

  protected override renderSide(): TemplateResult {
    const n = this.pairs.length;
    return html`<aside class="side pairs-panel" role=${this.isMainContent ? nothing : "group"} aria-label=${msg().questionsAndAnswers}>
      <div class="side-head"><h2>${msg().questionsAndAnswers}</h2></div>
      ${this.renderProblem()}
      ${pairList({
        pairs: this.pairs,
        currentId: this.currentId,
        limits: this.#limits,
        tags: this.questionTags,
        // An empty list of tags hides the field altogether.
        allowsOwnTags: this.allowCustomQuestionTags && this.questionTags.length > 0,
        isDisabled: this.disabled,
        canAdd: n < this.#max,
        canRemove: n > this.#min,
        colorOf: (pair) => this.#colorOf(pair),
        quoteOf: (pair, i) =>
          this.text.slice(pair.references[i]!.start, pair.references[i]!.end).replace(/\s+/g, " ").slice(0, 90),
        onCurrent: (pair) => {
          this.currentId = pair.id;
        },
        onChange: (pair, changes) => this.#change(pair, changes),
        onCommit: () => this.changed(),
        onAdd: () => this.#focusQuestion(this.#add()),
        onRemove: (pair) => this.#remove(pair),
        onShow: (pair, i) => this.#view?.reveal(pair.references[i]!.start),
      })}
    </aside>`;
  }
}

import { css, html } from "lit";
import type { PropertyValues, TemplateResult } from "lit";
import { property } from "lit/decorators.js";
import { ifDefined } from "lit/directives/if-defined.js";
import { live } from "lit/directives/live.js";

import { booleanProperty, numberAttribute } from "../base/attributes.js";
import { TextField } from "../base/field.js";
import { msg } from "../base/messages.js";

/**
 * Several lines of text; grows with its content up to `max-rows`. Its answer is the text; nothing when empty.
 *
 * @event change - The worker has finished a change.
 * @event input - Every keystroke.
 */
export class CrowdTextArea extends TextField {
  static override styles = [
    ...TextField.styles,
    css`
      textarea {
        resize: vertical;
        field-sizing: content;
        overflow-y: auto;
      }
    `,
  ];

  @property({ converter: numberAttribute }) rows: number | null = null;
  @property({ attribute: "max-rows", converter: numberAttribute }) maxRows: number | null = null;
  @property({ ...booleanProperty, attribute: "char-counter" }) charCounter = false;

  protected override counter(): string | null {
    return this.charCounter ? msg().chars(this.value.length, this.maxLength) : null;
  }

  protected override renderControl(): TemplateResult {
    return html`<textarea
      class="control"
      part="textarea"
      rows=${Math.max(1, this.rows ?? 1)}
      .value=${live(this.value)}
      placeholder=${this.placeholder}
      aria-label=${ifDefined(this.label || this.placeholder || this.name || undefined)}
      aria-invalid=${this.invalid ? "true" : "false"}
      aria-describedby=${ifDefined(this.message ? "message" : undefined)}
      maxlength=${ifDefined(this.maxLength ?? undefined)}
      ?required=${this.required}
      ?disabled=${this.disabled}
      @input=${this.onInput}
      @change=${this.onCommit}
      @focus=${this.onFocus}
      @blur=${this.onBlur}
    ></textarea>`;
  }

  protected override updated(_changed: PropertyValues): void {
    const area = this.control;
    if (!(area instanceof HTMLTextAreaElement)) return;
    const style = getComputedStyle(area);
    const line = parseFloat(style.lineHeight) || 20;
    const frame =
      area.offsetHeight - area.clientHeight + parseFloat(style.paddingTop) + parseFloat(style.paddingBottom);
    area.style.minHeight = `${Math.max(1, this.rows ?? 1) * line + (frame || 32)}px`;
    area.style.maxHeight = this.maxRows ? `${this.maxRows * line + frame}px` : "";
    if (!CSS.supports("field-sizing", "content")) {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
    }
  }
}

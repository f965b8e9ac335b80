import { html } from "lit";
import type { TemplateResult } from "lit";
import { property } from "lit/decorators.js";
import { ifDefined } from "lit/directives/if-defined.js";
import { live } from "lit/directives/live.js";

import { TextField } from "../base/field.js";
import type { Contribution } from "../base/control.js";

const RAISED_TYPES = new Set(["date", "datetime-local", "month", "time", "week", "file", "color", "range"]);

/**
 * A single line of text with a floating label. Its answer is the text; nothing when empty.
 *
 * @event change - The worker has finished a change.
 * @event input - Every keystroke.
 */
export class CrowdInput extends TextField {
  @property() type = "text";

  protected override alwaysRaised(): boolean {
    return RAISED_TYPES.has(this.type);
  }

  protected override renderControl(): TemplateResult {
    return html`<input
      class="control"
      part="input"
      type=${(this.type || "text") as "text"}
      .value=${live(this.type === "file" ? "" : this.value)}
      placeholder=${this.placeholder}
      aria-label=${ifDefined(this.label || this.placeholder || this.name || undefined)}
      aria-invalid=${this.invalid ? "true" : "false"}
      aria-describedby=${ifDefined(this.message ? "message" : undefined)}
      maxlength=${ifDefined(this.maxLength ?? undefined)}
      step=${ifDefined(this.type === "number" ? "any" : undefined)}
      ?required=${this.required}
      ?disabled=${this.disabled}
      @input=${this.onInput}
      @change=${this.onCommit}
      @focus=${this.onFocus}
      @blur=${this.onBlur}
    />`;
  }

  override contribution(): Contribution | null {
    if (this.type !== "file") return super.contribution();
    const names = [...((this.control as HTMLInputElement | null)?.files ?? [])].map((file) => file.name).join(", ");
    return names === "" ? null : { kind: "value", value: names };
  }
}

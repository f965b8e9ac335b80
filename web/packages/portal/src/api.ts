/** The worker API from the page's side. */

import { msg } from "./messages.js";
import type { Answer, Job, PasswordRules, Preview, Sample, Task, Worker } from "./types.js";

/** Any answer other than success; `status` 0 means that no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field?: string,
    readonly retryAfterS?: number,
    readonly rules?: PasswordRules,
  ) {
    super(message);
  }
}

export class Api {
  /**
   * Called when a request finds that the session has ended. Resolves to true once the worker has signed in
   * again and the request should be repeated.
   */
  onSessionLost: () => Promise<boolean> = () => Promise.resolve(false);

  /** Server's clock minus ours, seconds. */
  #offsetS = 0;

  /** The server's clock now, epoch seconds. */
  now(): number {
    return Date.now() / 1000 + this.#offsetS;
  }

  async whoAmI(): Promise<Worker | null> {
    try {
      return (await this.#call<{ worker: Worker }>("GET", "/session", undefined, false))!.worker;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  }

  async signIn(username: string, password: string): Promise<Worker> {
    return (await this.#call<{ worker: Worker }>("POST", "/session", { username, password }, false))!.worker;
  }

  async changePassword(username: string, password: string, new_password: string): Promise<Worker> {
    const body = { username, password, new_password };
    return (await this.#call<{ worker: Worker }>("POST", "/session/password", body, false))!.worker;
  }

  async signOut(): Promise<void> {
    await this.#call("DELETE", "/session", undefined, false);
  }

  async jobs(): Promise<Job[]> {
    return (await this.#call<{ jobs: Job[] }>("GET", "/jobs"))!.jobs;
  }

  async take(job: string, ahead = false): Promise<Task | null> {
    const path = `/jobs/${encodeURIComponent(job)}/tasks`;
    return (await this.#call<{ task: Task }>("POST", path, ahead ? { ahead } : {}))?.task ?? null;
  }

  async start(id: string): Promise<Task> {
    return (await this.#call<{ task: Task }>("POST", `/tasks/${id}/start`, {}))!.task;
  }

  async submit(id: string, answer: Answer, timeSpentS: number): Promise<void> {
    await this.#call("POST", `/tasks/${id}/submission`, { answer, time_spent_s: timeSpentS });
  }

  async release(id: string): Promise<void> {
    await this.#call("DELETE", `/tasks/${id}`);
  }

  async decline(id: string): Promise<void> {
    await this.#call("POST", `/tasks/${id}/decline`, {});
  }

  async pause(id: string): Promise<void> {
    await this.#call("POST", `/tasks/${id}/pause`, {});
  }

  async samples(): Promise<Sample[]> {
    return (await this.#call<{ samples: Sample[] }>("GET", "/samples"))!.samples;
  }

  async preview(template: string, input: unknown): Promise<Preview> {
    return (await this.#call<Preview>("POST", "/previews", { template, input }))!;
  }

  /** The outline of an object as a PNG file, where the server has a model for it. Throws ApiError. */
  async segment(
    id: string,
    question: { image: string; points: unknown; box: unknown; label: string },
  ): Promise<ArrayBuffer> {
    let response: Response;
    try {
      response = await fetch(`/portal/api/tasks/${id}/auto-segment`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(question),
        credentials: "same-origin",
        cache: "no-store",
      });
      if (response.ok && response.headers.get("Content-Type")?.startsWith("image/png"))
        return await response.arrayBuffer();
    } catch {
      throw new ApiError(0, "NoConnection", msg().noConnection);
    }
    const value = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    throw new ApiError(response.status, String(value["error"] ?? "Error"), String(value["message"] ?? ""));
  }

  async #call<T>(method: string, path: string, body?: unknown, isSignedIn = true): Promise<T | null> {
    for (;;) {
      try {
        return await this.#once<T>(method, path, body);
      } catch (error) {
        const isLost = error instanceof ApiError && error.status === 401 && isSignedIn;
        if (!isLost || !(await this.onSessionLost())) throw error;
      }
    }
  }

  async #once<T>(method: string, path: string, body?: unknown): Promise<T | null> {
    const sentAt = Date.now();
    let response: Response;
    try {
      response = await fetch(`/portal/api${path}`, {
        method,
        headers: body === undefined ? {} : { "Content-Type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "same-origin",
        cache: "no-store",
      });
    } catch {
      throw new ApiError(0, "NoConnection", msg().noConnection);
    }
    if (response.status === 204) return null;
    let value: Record<string, unknown>;
    try {
      value = (await response.json()) as Record<string, unknown>;
    } catch {
      throw new ApiError(response.status, "BadAnswer", msg().unreadableAnswer(response.status));
    }
    if (response.ok) {
      if (typeof value["now"] === "number") {
        this.#offsetS = value["now"] - (sentAt + Date.now()) / 2000;
      }
      return value as T;
    }
    throw new ApiError(
      response.status,
      String(value["error"] ?? "Error"),
      String(value["message"] ?? msg().refused(response.status)),
      value["field"] as string | undefined,
      value["retry_after_s"] as number | undefined,
      value["rules"] as PasswordRules | undefined,
    );
  }
}

/**
 * Talking in a room of a conference server, from any page: `import { joinRoom } from "https://talk.example.org/embed.js"`.
 */

/** What somebody joins with. */
export interface JoinOptions {
  /** The server, e.g. `https://talk.example.org`. It has to allow the page's origin: `--allow-origin`. */
  url: string;
  /** 1 to 64 of the characters `A-Z a-z 0-9 . _ -`. */
  room: string;
  /** What lets them in; none is needed on an open server. Make it on a server of yours, one for each person. */
  token?: string;
  /** What the others see; by default what the token says. */
  name?: string;
  /** What they join as; by default what the token says. */
  role?: "host" | "speaker" | "listener" | "";
  /** `true` asks for the browser's own choice, `false` only listens; a track of your own stays yours to stop. */
  microphone?: boolean | MediaStreamTrack;
  /** Whether they begin muted. */
  muted?: boolean;
  /** Whether the browser cancels echo and reduces noise, where it opens the microphone. */
  processing?: boolean;
  /** `true` plays what the others say, an element does so in that one; `false` plays nothing: see `stream`. */
  audio?: boolean | HTMLAudioElement;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly role: "host" | "speaker" | "listener";
  /** How they came: `webrtc`, `local`, or the provider of a call, e.g. `twilio`. */
  readonly transport: string;
  readonly muted: boolean;
  readonly talking: boolean;
  /** They are in the waiting room. */
  readonly waiting: boolean;
  readonly you: boolean;
}

/** `gone` means that no connection could be made for a minute, or that the server refused; the room is still to be left. */
export type State = "joining" | "here" | "reconnecting" | "gone" | "left";

/** The details of the events, which are CustomEvents. */
export interface RoomEvents {
  state: { state: State; before: State };
  /** Whenever somebody comes, goes or changes. You first, then everybody in the order they came. */
  people: { people: readonly Person[] };
  talking: { id: string; name: string; you: boolean; talking: boolean };
  /** Your own mute. `byServer`: a host did it. */
  muted: { muted: boolean; byServer: boolean };
  /** How loud those are who can be heard, in dBov by id, five times a second. */
  levels: { levels: Readonly<Record<string, number>> };
  /** Somebody wrote to the room; `id` is null for somebody who is not in it, `at` is Unix time in seconds. */
  message: { id: string | null; name: string; text: string; at: number };
  /** What was said, as it is understood by now, in rooms with captions. */
  caption: { participant: string; name: string; text: string; final: boolean };
  /** A host asks you to unmute. */
  asked: { by: string | null };
  /** What the others say has come on another stream. */
  stream: { stream: MediaStream };
  /** The browser plays nothing before somebody has clicked: call `play()` then. */
  blocked: null;
  /** A call or another program has taken the microphone away, or it is back. It is opened anew by itself, unless it is your own track. */
  interrupted: { interrupted: boolean };
  /** The last event of all. */
  left: { reason: "left" | "removed" | "ended" };
}

/** A stay in a room. Lost connections come back by themselves, into the same seat. */
export interface Room extends EventTarget {
  /** Yours. */
  readonly id: string | null;
  /** The room's. */
  readonly name: string;
  readonly state: State;
  readonly muted: boolean;
  /** You are in the waiting room. */
  readonly waiting: boolean;
  readonly people: readonly Person[];
  /** What the others say, mixed, without yourself. It is another one after a reconnection: see the event `stream`. */
  readonly stream: MediaStream | null;

  mute(): void;
  /** Does nothing to somebody whom a host has muted: they have to be asked first. */
  unmute(): void;
  /** Plays what the others say, after `blocked`; call it in a click. */
  play(): Promise<void>;
  /** Writes to everybody in the room. */
  send(text: string): Promise<void>;
  /** How loud you hear somebody, 0 to 2; nobody else is told. */
  setVolume(id: string, volume: number): Promise<void>;
  /** Speaks through another microphone from now on, which stays yours to stop; `null` speaks through none. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void>;
  leave(): void;

  addEventListener<K extends keyof RoomEvents>(
    type: K,
    listener: (event: CustomEvent<RoomEvents[K]>) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof RoomEvents>(
    type: K,
    listener: (event: CustomEvent<RoomEvents[K]>) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions): void;
}

/** Why somebody did not get in. */
export class JoinError extends Error {
  /**
   * `microphone`: it could not be opened; `not-allowed`: no token, or one that does not allow it; `refused`: full, locked, …;
   * `unreachable`: no server, or it does not allow this page's origin; `no-media`: sound does not get through; `sent-away`; `failed`.
   */
  readonly code: "microphone" | "not-allowed" | "refused" | "unreachable" | "no-media" | "sent-away" | "failed";
  /** The HTTP status, if the server refused. */
  readonly status: number | null;
  /** Seconds after which to try again; 0 if the server named none. */
  readonly retryAfter: number;
}

/**
 * Joins a room; resolves when sound flows.
 *
 * @throws {JoinError} if they did not get in; what was opened for it is closed again.
 */
export function joinRoom(options: JoinOptions): Promise<Room>;

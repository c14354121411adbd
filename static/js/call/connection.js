/**
 * One WebRTC connection to a room, from offer to end. Knows nothing of the page, and never reconnects:
 * that is reconnecting.js.
 */

import { trickleFragment } from "../signalling/trickle.js";
import * as whip from "../signalling/whip.js";
import { arrivals, INTERVAL, Liveness } from "./liveness.js";
import { isOriginal } from "./original.js";

/** How long the server may take to answer, in milliseconds. */
const ANSWER_TIME = 10_000;

/** How long candidates are collected before they are sent together, in milliseconds. */
const TRICKLE_PAUSE = 50;

/**
 * Fires `connected`, `shaky` (nothing arrives; it may recover by itself), `recovered`, `lost` (it will not) and `closed` (we
 * ended it), each as a plain Event.
 */
export class Connection extends EventTarget {
  #client;
  #peer;
  #sender;
  #closed = false;
  #closing = new AbortController();
  /** @type {string[]} */ #candidates = [];
  #trickleTimer = 0;
  #livenessTimer = 0;
  /** @type {Liveness | null} */ #liveness = null;
  #shaky = false;

  /** @type {whip.Seat | null} */ seat = null;

  /** What the others say. */
  remote = new MediaStream();

  /**
   * @param {whip.Client} client
   * @param {RTCIceServer[]} iceServers
   * @param {MediaStreamTrack | null} track  the microphone; null to listen only
   */
  constructor(client, iceServers, track) {
    super();
    this.#client = client;
    this.canSend = track !== null;
    this.#peer = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    const direction = track ? "sendrecv" : "recvonly";
    const transceiver = this.#peer.addTransceiver(track ?? "audio", { direction });
    this.#sender = transceiver.sender;
    this.remote.addTrack(transceiver.receiver.track);
    this.#peer.addEventListener("connectionstatechange", () => this.#onState(this.#peer.connectionState));
    this.#peer.addEventListener("icecandidate", (event) => this.#onCandidate(event.candidate));
  }

  /** Whether sound gets through at this moment. */
  get connected() {
    return this.#peer.connectionState === "connected";
  }

  /**
   * Asks for a seat. Sound flows once `connected` was fired.
   *
   * @param {string} name
   * @param {string} role  see whip.js
   * @returns {Promise<whip.Seat>}
   */
  async open(name, role) {
    await this.#peer.setLocalDescription();
    const offer = this.#peer.localDescription?.sdp ?? "";
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(ANSWER_TIME)]);
    const { seat, answer } = await whip.join(this.#client, name, role, offer, isOriginal(this.#sender.track), signal);
    this.seat = seat;
    if (this.#closed) {
      whip.leave(this.#client, seat).catch(() => undefined);
      throw new Error("closed while joining");
    }
    await this.#peer.setRemoteDescription({ type: "answer", sdp: answer });
    this.#watchTransport();
    this.#trickleSoon();
    return seat;
  }

  /**
   * Speaks through another microphone from now on, or none.
   *
   * @param {MediaStreamTrack | null} track
   */
  async replaceTrack(track) {
    if (!this.#closed) await this.#sender.replaceTrack(track); // the next connection begins with it
  }

  /** @returns {Promise<RTCStatsReport>} */
  stats() {
    return this.#peer.getStats();
  }

  /** Ends the connection here; says nothing to the server. Fires nothing any more after `closed`. */
  close() {
    this.#fire("closed");
    this.#closed = true;
    this.#closing.abort();
    clearTimeout(this.#trickleTimer);
    clearInterval(this.#livenessTimer);
    this.#peer.close();
  }

  /** The server ending the call shows first in DTLS (close_notify), seconds before ICE notices. */
  #watchTransport() {
    const transport = this.#sender.transport;
    transport?.addEventListener("statechange", () => {
      if (transport.state === "closed" || transport.state === "failed") this.#fire("lost");
    });
  }

  #watchLiveness() {
    clearInterval(this.#livenessTimer);
    const liveness = new Liveness();
    this.#liveness = liveness;
    this.#livenessTimer = setInterval(async () => {
      const count = arrivals((await this.stats()).values());
      this.#setShaky(!liveness.isAlive(count, performance.now()));
    }, INTERVAL);
  }

  /** @param {boolean} shaky */
  #setShaky(shaky) {
    if (shaky === this.#shaky) return;
    this.#shaky = shaky;
    this.#fire(shaky ? "shaky" : "recovered");
  }

  /** Something else says that the server is out of reach: silence counts sooner. */
  suspect() {
    this.#liveness?.suspect(performance.now());
  }

  /** @param {RTCPeerConnectionState} state */
  #onState(state) {
    if (state === "connected") {
      this.#watchLiveness();
      this.#setShaky(false);
      this.#fire("connected");
    }
    if (state === "disconnected") this.#setShaky(true);
    if (state === "failed" || state === "closed") this.#fire("lost");
  }

  /** @param {RTCIceCandidate | null} candidate */
  #onCandidate(candidate) {
    if (!candidate?.candidate) return;
    this.#candidates.push(candidate.candidate);
    if (this.seat) this.#trickleSoon();
  }

  #trickleSoon() {
    clearTimeout(this.#trickleTimer);
    this.#trickleTimer = setTimeout(() => this.#trickle(), TRICKLE_PAUSE);
  }

  /** The server also learns our addresses from the packets themselves, so a failure here changes nothing. */
  async #trickle() {
    const candidates = this.#candidates.splice(0);
    const offer = this.#peer.localDescription?.sdp;
    if (!this.seat || this.#closed || !offer || candidates.length === 0) return;
    const complete = this.#peer.iceGatheringState === "complete";
    const fragment = trickleFragment(offer, candidates, complete);
    if (fragment) await whip.trickle(this.#client, this.seat, fragment).catch(() => undefined);
  }

  /** @param {string} type */
  #fire(type) {
    if (!this.#closed) this.dispatchEvent(new Event(type));
  }
}

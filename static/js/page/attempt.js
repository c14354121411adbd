/**
 * Requests that a person asked for with a click: what goes wrong is said.
 */

import { requestProblem } from "./problems.js";
import { toast } from "./toast.js";

/**
 * @template {Promise<unknown>} T
 * @param {T} request
 * @returns {Promise<Awaited<T> | undefined>}  undefined if it failed, which was then said
 */
export async function attempt(request) {
  try {
    return await request;
  } catch (error) {
    toast(requestProblem(error));
    return undefined;
  }
}

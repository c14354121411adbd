"""Requests about calls out, as Twilio has them: those of bots about their call, and what Twilio tells of telephones."""

from __future__ import annotations

import base64
import hmac

from aiohttp import web

from conference.access.tokens import TokenError
from conference.telephony.connecting import CallError, NotAllowed, host_and_port
from conference.telephony.twilio.verbs import TwimlError, read_twiml
from conference.web.api.twilio import read_form
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.joining.dialed import DialedCall
from conference.web.joining.signatures import HEADER, Form
from conference.web.joining.twiml_call import Document
from conference.web.live import SERVER, Server
from conference.web.schemas import responses

ENDED = ("completed", "canceled")
"""What a call's ``Status`` is set to by whoever wants it to end."""

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="conference"'}


async def change(request: web.Request) -> web.Response:
    """``POST /2010-04-01/Accounts/{account}/Calls/{call}.json``: end a call or lead it on, by whoever was called."""
    server = request.app[SERVER]
    call = server.dialing.find(request.match_info["call"])
    _check_password(server, request, call)
    form = await read_form(request)
    if call is None:
        raise Problem(404, "There is no such call: it has ended.")
    if form.get("Status") in ENDED:
        call.hang_up("hung up")
        status = "completed"
    elif "Url" in form or "Twiml" in form:
        try:
            call.redirect(_document(form))
        except NotAllowed as error:
            raise Problem(403, str(error)) from None
        status = "in-progress"
    else:
        raise Problem(400, "Send Status=completed to end the call, or Url or Twiml to lead it on.")
    account = request.match_info["account"]
    answer = responses.TwilioCall(sid=request.match_info["call"], account_sid=account, status=status)
    return web.json_response(answer, headers=FRESH)


def _document(form: Form) -> Document:
    """Where a call is led.

    Raises:
        Problem: that is no TwiML, and no address of any (400).
    """
    try:
        if "Url" in form:
            url, method = form["Url"], form.get("Method", "POST").upper()
            host_and_port(url)
            if not url.startswith(("https://", "http://")) or method not in ("GET", "POST"):
                raise Problem(400, "Url must begin with http:// or https://, and Method be POST or GET.")
            return Document(url, method)
        return Document("", verbs=tuple(read_twiml(form["Twiml"].encode(errors="replace"))))
    except (CallError, TwimlError) as error:
        raise Problem(400, str(error)) from None


async def take_status(request: web.Request) -> web.Response:
    """``POST /twilio/calls/{id}``: Twilio tells how far it has come with a telephone, or who has answered it."""
    server = request.app[SERVER]
    form = await read_form(request)
    if server.signatures is None or not server.signatures.signed_webhook(request, form):
        raise Problem(403, f"This request is not signed by Twilio: {HEADER} is missing or wrong.")
    phone = server.dialing.find_phone(request.match_info["id"])
    if phone is not None:
        phone.take_status(form)
    else:
        server.dialing.take_late_status(request.match_info["id"], form)
    return web.Response(status=204)


def _check_password(server: Server, request: web.Request, call: DialedCall | None) -> None:
    """Whether a request's basic authentication (RFC 7617) is that of the account.

    The password is what the operator has as the account's token, or a token of this server that may moderate the call's
    room. Where a server asks for neither, whoever knows the call's identifier has it from the call.

    Raises:
        Problem: there is none, or it is wrong (401).
    """
    account_token = server.settings.twilio_auth_token
    if account_token is None and server.settings.secret is None:
        return
    password = _password(request.headers.get("Authorization", ""))
    if password is None:
        raise Problem(401, "Send the account's token with basic authentication.", headers=_CHALLENGE)
    if account_token is not None and hmac.compare_digest(password.encode(), account_token.encode()):
        return
    try:
        grant = server.verify(password)
    except TokenError:
        grant = None
    room = None if call is None else call.room_name
    if grant is None or not grant.allows("moderate") or not (grant.room is None or grant.room == room):
        raise Problem(401, "The password is not the account's token.", headers=_CHALLENGE)


def _password(header: str) -> str | None:
    """The password of basic authentication; ``None`` if it is none."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        account, colon, password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None
    return password if colon and account else None

// A client of the signed API in a few lines: string to sign, HMAC-SHA256 by WebCrypto, idempotency
// keys made before sending. Every call is reported to `onCall`.
"use strict";

const xfq = (() => {
    const encoder = new TextEncoder();

    const hex = (buffer) =>
        Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

    const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

    const newKey = () => crypto.randomUUID().replaceAll("-", "");

    async function signedHeaders(client, method, target, body, idempotencyKey) {
        const timestamp = String(Math.floor(Date.now() / 1000));
        const nonce = newKey();
        const digest = hex(await crypto.subtle.digest("SHA-256", encoder.encode(body)));
        const lines = [
            "XFQ1", client.algorithm, method, target, client.client_id, client.key_id,
            timestamp, nonce, idempotencyKey, digest,
        ];
        const text = lines.map((line) => `${line}\n`).join("");
        const secret = await crypto.subtle.importKey(
            "raw", encoder.encode(client.secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"],
        );
        const mac = await crypto.subtle.sign("HMAC", secret, encoder.encode(text));
        const headers = {
            "X-Client-Id": client.client_id,
            "X-Key-Id": client.key_id,
            "X-Alg": client.algorithm,
            "X-Timestamp": timestamp,
            "X-Nonce": nonce,
            "X-Signature": base64(mac),
            "Accept-Language": "zh-CN",
        };
        if (body) headers["Content-Type"] = "application/json";
        if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
        return { headers, text };
    }

    const api = {
        onCall: () => {},
        last: null,

        // Sends one request; a POST without a key gets a fresh one, kept in `last` for a replay.
        async call(client, method, path, { query = null, body = null, key = null, keyed = true } = {}) {
            const target = query ? `${path}?${new URLSearchParams(query)}` : path;
            const raw = body === null ? "" : JSON.stringify(body);
            const used = key ?? (method === "POST" && keyed ? newKey() : "");
            if (used) api.last = { client, method, path, options: { query, body, key: used } };
            const { headers, text } = await signedHeaders(client, method, target, raw, used);
            const response = await fetch(target, {
                method, headers, body: raw || undefined, credentials: "omit", cache: "no-store",
            });
            const answer = {
                status: response.status,
                ok: response.ok,
                replay: response.headers.get("Idempotent-Replay") === "true",
                body: await response.json().catch(() => ({})),
            };
            api.onCall({ client: client.client_id, method, target, raw, text, answer });
            return answer;
        },

        repeat() {
            const { client, method, path, options } = api.last;
            return api.call(client, method, path, options);
        },
    };
    return api;
})();

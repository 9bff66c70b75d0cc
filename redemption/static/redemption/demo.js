// The 演示台: phone and till are clients of the public API, the books are asked every second.
"use strict";

(() => {
    const bench = document.querySelector(".bench");
    if (!bench) return;
    const root = bench.dataset.root;
    const byId = (id) => document.getElementById(id);
    const API = "/api/v1";
    const state = { config: null, citizen: null, person: null, now: "", code: null, paid: null, found: null };

    // --- writing ------------------------------------------------------------------------------

    const yuan = (fen) => (fen / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2 });
    const clock = (text) => (text ? text.slice(5, 19).replace("T", " ") : "—");

    function make(tag, attributes = {}, ...children) {
        const element = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            if (name === "onclick") element.addEventListener("click", value);
            else if (value !== null && value !== false) element.setAttribute(name, value);
        }
        element.append(...children.filter((child) => child !== null));
        return element;
    }

    const list = (items) => make("ul", {}, ...items.map((item) => make("li", {}, item)));

    function refusalText(refusal) {
        return `${refusal.detail}${refusal.remedy ? ` ${refusal.remedy}` : ""}`;
    }

    function say(id, answer, text) {
        const note = byId(id);
        note.classList.toggle("bad", !answer.ok);
        if (answer.ok) {
            note.replaceChildren(answer.replay ? `${text}（重放：与第一次的答复相同）` : text);
            return;
        }
        const problem = answer.body;
        const refusals = problem.data?.refusals ?? [];
        const wrong = problem.invalid_params ?? [];
        note.replaceChildren(
            make("strong", {}, problem.title ?? `错误 ${answer.status}`),
            ` ${problem.code ?? ""}`,
            refusals.length
                ? list(refusals.map(refusalText))
                : wrong.length
                    ? list(wrong.map((one) => `${one.name}：${one.reason}`))
                    : list([problem.detail ?? ""]),
        );
    }

    const fenOf = (id) => {
        const text = byId(id).value.trim();
        return /^\d{1,9}(\.\d{1,2})?$/.test(text) ? Math.round(Number(text) * 100) : null;
    };

    // --- the phone ----------------------------------------------------------------------------

    async function citizenNew() {
        state.citizen = await (await fetch(`${root}citizen`)).json();
        const answer = await xfq.call(
            state.config.phone, "PUT", `${API}/persons/${state.citizen.external_id}`, {
                body: {
                    document: { type: "RESIDENT_ID", number: state.citizen.document },
                    mobile: state.citizen.mobile,
                    devices: [state.citizen.device],
                    level: "REALNAME",
                },
            },
        );
        state.person = answer.ok ? answer.body.person_id : null;
        byId("citizen").textContent = state.citizen.name;
        byId("person-id").textContent = state.person ?? "";
        codeForget();
        say("phone-note", answer, "已登记：证件、手机号、设备只以摘要保存。");
        await phoneShow();
    }

    async function phoneShow() {
        if (!state.person) return;
        const [offers, wallet] = await Promise.all([
            xfq.call(state.config.phone, "GET", `${API}/batches`, {
                query: { campaign: state.config.campaign, person_id: state.person },
            }),
            xfq.call(state.config.phone, "GET", `${API}/vouchers`, {
                query: { person_id: state.person },
            }),
        ]);
        byId("offers").replaceChildren(...(offers.body.items ?? []).map(offerCard));
        const vouchers = wallet.body.items ?? [];
        byId("wallet").replaceChildren(
            ...(vouchers.length ? vouchers.map(voucherCard) : [make("small", {}, "还没有券。")]),
        );
    }

    function offerCard(offer) {
        const next = offer.next_release_at ? ` · 下一轮 ${clock(offer.next_release_at)}` : "";
        return make("div", { class: offer.claimable ? "card" : "card off" },
            make("div", { class: "head" }, offer.name,
                make("button", { type: "button", onclick: () => claim(offer.batch_id) }, "领取")),
            make("small", {}, `${offer.benefit} · ${offer.state_text} · ${offer.remaining_text}${next}`),
            offer.refusals?.length ? list(offer.refusals.map(refusalText)) : null);
    }

    function voucherCard(voucher) {
        const usable = voucher.state === "ACTIVE";
        return make("div", { class: usable ? "card" : "card off" },
            make("div", { class: "head" }, voucher.name,
                usable
                    ? make("button", { type: "button", onclick: () => codeShow(voucher.voucher_id) }, "付款码")
                    : make("span", { class: "badge" }, voucher.state_text)),
            make("small", {}, `券码 ${voucher.code} · ${clock(voucher.valid_until)} 前有效`));
    }

    async function claim(batch) {
        const answer = await xfq.call(state.config.phone, "POST", `${API}/claims`, {
            body: {
                person_id: state.person,
                batch_id: batch,
                device: state.citizen.device,
                location: { region_code: state.citizen.region_code },
            },
        });
        say("phone-note", answer, "领取成功。");
        await after();
    }

    async function codeShow(voucher) {
        const answer = await xfq.call(
            state.config.phone, "POST", `${API}/persons/${state.person}/payment-codes`,
            { body: { device: state.citizen.device, voucher_id: voucher } },
        );
        if (!answer.ok) return say("phone-note", answer, "");
        state.code = answer.body;
        state.codeUntil = Date.now() + 60_000;
        codeLeft();
        byId("code").textContent = answer.body.numeric_code.replace(/(.{4})/g, "$1 ");
        byId("code-box").hidden = false;
        return undefined;
    }

    function codeForget() {
        state.code = null;
        byId("code-box").hidden = true;
        byId("scanned").value = "";
    }

    // --- the till -----------------------------------------------------------------------------

    function payment() {
        const order = fenOf("order-yuan");
        if (order === null) return null;
        return {
            payment_code: byId("scanned").value,
            store_no: state.config.store_no,
            terminal_no: state.config.terminal_no,
            order_fen: order,
            flow: "MERCHANT_SCANS",
            card_bin: byId("card-bin").value,
        };
    }

    const local = (title) => ({ ok: false, status: 0, body: { title, detail: "请更正后再试。" } });

    async function quote() {
        const body = payment();
        if (!body) return say("till-note", local("金额格式不正确"), "");
        const answer = await xfq.call(state.config.till, "POST", `${API}/redemptions/quote`, {
            body, keyed: false,
        });
        const usable = answer.body.usable ?? [];
        const unusable = answer.body.unusable ?? [];
        byId("quote-box").replaceChildren(
            ...usable.map((one) => make("div", { class: "card" },
                make("div", { class: "head" }, one.name,
                    make("span", { class: "badge good" }, `减 ${yuan(one.subsidy_fen)} 元`)),
                make("small", {}, `应付 ${yuan(one.payable_fen)} 元 · ${one.refund_policy_text}`))),
            ...unusable.map((one) => make("div", { class: "card off" },
                make("div", { class: "head" }, one.name, make("span", { class: "badge" }, "不可用")),
                list(one.refusals.map(refusalText)))),
        );
        return say("till-note", answer, `试算：应付 ${yuan(answer.body.payable_fen ?? 0)} 元，尚未占用。`);
    }

    async function pay() {
        const body = payment();
        if (!body) return say("till-note", local("金额格式不正确"), "");
        const number = `D${Date.now()}`;
        const held = await xfq.call(state.config.till, "POST", `${API}/redemptions`, {
            body: { ...body, order_no: number },
        });
        if (!held.ok) {
            say("till-note", held, "");
            return after();
        }
        const paid = await xfq.call(
            state.config.till, "POST", `${API}/redemptions/${held.body.redemption_id}/confirm`, {
                body: {
                    paid_fen: held.body.payable_fen,
                    channel_trade_no: `T${number}`,
                    paid_at: state.now,
                },
            },
        );
        say("till-note", paid, `收款成功：顾客实付 ${yuan(paid.body.paid_fen ?? 0)} 元。`);
        if (paid.ok) {
            state.paid = paid.body;
            state.found = null;
            codeForget();
            byId("quote-box").replaceChildren();
        }
        return after();
    }

    function receiptShow(lines) {
        const rows = lines.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
        const trace = `${bench.dataset.trace}${state.paid.redemption_id}/`;
        byId("receipt").replaceChildren(
            make("dl", {}, ...rows),
            make("a", { href: trace, target: "_blank", rel: "noopener" }, "一笔穿透（工作人员登录后查看）"),
        );
    }

    async function paidShow() {
        if (!state.paid) return;
        const found = await xfq.call(
            state.config.till, "GET", `${API}/redemptions/${state.paid.redemption_id}`,
        );
        const paid = state.paid;
        if (found.ok) state.found = found.body;
        cancelShow();
        receiptShow([
            ["核销单", paid.redemption_id],
            ["状态", found.body.state_text ?? found.body.state ?? ""],
            ["订单金额", `${yuan(paid.order_fen)} 元`],
            ["补贴", `${yuan(paid.subsidy_fen)} 元`],
            ...paid.funders.map((part) => [`　${part.name}`, `${yuan(part.amount_fen)} 元`]),
            ["顾客实付", `${yuan(paid.paid_fen)} 元`],
            ...(found.body.refunded_order_fen
                ? [
                    ["已退顾客", `${yuan(found.body.refunded_payer_fen)} 元`],
                    ["已退补贴", `${yuan(found.body.refunded_subsidy_fen)} 元`],
                ]
                : []),
            ["可撤销至", clock(paid.cancellable_until)],
            ["预计划付", paid.payout_expected_on ?? "—"],
        ]);
        byId("refund-form").hidden = false;
    }

    // Why the whole payment cannot be cancelled, by what the till was told of it; "" if it can be.
    // The platform decides again: a payment already settled is refused there, with its reason.
    function cancelBlocker() {
        const { paid, found } = state;
        if (!paid || !found) return "";
        if (found.state === "CANCELLED") return "已整笔撤销。";
        if (found.refunded_order_fen >= paid.order_fen) return "已全额退款，不能再撤销整笔。";
        if (found.refunded_order_fen > 0) return "已部分退款，不能再撤销整笔；其余金额请办理退款。";
        if (paid.cancellable_until && Date.parse(state.now) >= Date.parse(paid.cancellable_until)) {
            return "已过日切，不能再撤销整笔；请办理退款。";
        }
        return "";
    }

    function cancelShow() {
        const blocker = cancelBlocker();
        byId("cancel").disabled = blocker !== "";
        byId("cancel-why").textContent = blocker ? `撤销整笔：${blocker}` : "";
    }

    async function refund(dryRun) {
        const order = fenOf("refund-yuan");
        if (order === null) return say("till-note", local("金额格式不正确"), "");
        const answer = await xfq.call(
            state.config.till, "POST", `${API}/redemptions/${state.paid.redemption_id}/refunds`, {
                query: dryRun ? { dry_run: "true" } : null,
                body: { refund_no: `R${Date.now()}`, order_fen: order },
            },
        );
        const told = answer.body;
        const fate = told.voucher_fate_text ?? told.voucher_fate ?? "";
        say("till-note", answer,
            `${dryRun ? "试算" : "已退款"}：退顾客 ${yuan(told.payer_fen ?? 0)} 元，`
            + `退补贴 ${yuan(told.subsidy_fen ?? 0)} 元${fate ? `，${fateText(fate)}` : ""}。`);
        return after();
    }

    const fateText = (fate) =>
        ({ RETURNED: "券退回", KEPT_USED: "券仍为已用", EXPIRED: "券已过期", VOIDED: "券已作废" })[fate] ?? fate;

    async function cancel() {
        const answer = await xfq.call(
            state.config.till, "POST", `${API}/redemptions/${state.paid.redemption_id}/cancel`,
            { body: {} },
        );
        say("till-note", answer, "已撤销整笔，券退回。");
        await after();
    }

    // --- the books ----------------------------------------------------------------------------

    let shown = {};

    async function booksShow() {
        const response = await fetch(`${root}books`, { cache: "no-store" });
        if (!response.ok) return;
        const books = await response.json();
        state.now = books.now;
        cancelShow();
        byId("now").textContent = books.now.slice(0, 19).replace("T", " ");
        byId("lights").replaceChildren(...books.lights.map((light) =>
            make("li", { class: light.ok ? "ok" : null }, `${light.ok ? "✓" : "✗"} ${light.name}`)));
        byId("balance-head").replaceChildren(make("tr", {},
            make("th", { scope: "col" }, "账户"),
            ...books.funders.map((name) => make("th", { scope: "col" }, name)),
            make("th", { scope: "col" }, "合计")));
        byId("balance-rows").replaceChildren(...books.rows.map((row) => {
            const moved = row.kind in shown && shown[row.kind] !== row.total_fen;
            return make("tr", { class: moved ? "moved" : null },
                make("td", {}, `${row.side} ${row.name}`),
                ...row.by_funder.map((fen) => make("td", {}, yuan(fen))),
                make("td", {}, make("strong", {}, yuan(row.total_fen))));
        }));
        shown = Object.fromEntries(books.rows.map((row) => [row.kind, row.total_fen]));
        byId("entries").replaceChildren(...books.entries.map((entry) => {
            const total = entry.lines.reduce((sum, line) => sum + line.amount_fen, 0);
            const ways = new Set(entry.lines.map((line) => `${line.debit} → ${line.credit}`));
            return make("li", {},
                make("strong", {}, entry.name), ` ${yuan(total)} 元 `,
                make("small", {}, `借 → 贷：${[...ways].join("；")} · ${clock(entry.at)}`));
        }));
    }

    async function after() {
        await Promise.all([booksShow(), phoneShow(), paidShow()]);
    }

    // --- the log of calls ---------------------------------------------------------------------

    xfq.onCall = ({ client, method, target, raw, text, answer }) => {
        const code = answer.body.code ?? "";
        const line = `${answer.status} ${method} ${target} · ${client}`
            + `${code ? ` · ${code}` : ""}${answer.replay ? " · Idempotent-Replay: true" : ""}`;
        byId("calls").prepend(make("li", {}, make("details", {},
            make("summary", { class: answer.ok ? null : "bad" }, line),
            make("pre", {}, `签名串\n${text}\n请求\n${raw || "（无正文）"}\n\n应答\n`
                + JSON.stringify(answer.body, null, 2)))));
        while (byId("calls").children.length > 40) byId("calls").lastChild.remove();
        byId("replay").disabled = !xfq.last;
    };

    // One action at a time: another one waits for it, a second click on the same does nothing.
    let last = Promise.resolve();
    const waiting = new Set();
    const once = (action) => () => {
        if (waiting.has(action)) return;
        waiting.add(action);
        last = last.then(action).catch((error) => {
            say("till-note", local(`请求未完成：${error.message}`), "");
        }).finally(() => waiting.delete(action));
    };
    const on = (id, action) => byId(id).addEventListener("click", once(action));

    on("new-citizen", citizenNew);
    on("quote", quote);
    on("pay", pay);
    on("refund", () => refund(false));
    on("refund-dry", () => refund(true));
    on("cancel", cancel);
    on("scan", async () => { byId("scanned").value = state.code.payment_code; });
    on("replay", async () => {
        const answer = await xfq.repeat();
        say("till-note", answer, "已原样重发。");
        await after();
    });
    byId("till-form").addEventListener("submit", (event) => event.preventDefault());
    byId("refund-form").addEventListener("submit", (event) => event.preventDefault());

    function codeLeft() {
        if (!state.code) return;
        const left = Math.ceil((state.codeUntil - Date.now()) / 1000);
        byId("code-left").textContent = left > 0 ? `${left} 秒内有效` : "已过期，请重新出示";
    }
    setInterval(codeLeft, 500);

    async function start() {
        const response = await fetch(`${root}config`, { cache: "no-store" });
        state.config = await response.json();
        byId("subtitle").textContent = `${state.config.title}：每一步都由浏览器签名后调用公开接口。`;
        byId("place").textContent =
            `${state.config.store_name}（${state.config.region_name}）· 门店 ${state.config.store_no} · 终端 ${state.config.terminal_no}`;
        await booksShow();
        await citizenNew();
        setInterval(() => { if (!waiting.size) booksShow().catch(() => {}); }, 1000);
    }
    once(start)();
})();

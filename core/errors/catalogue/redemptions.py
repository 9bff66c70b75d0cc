"""Codes of redeeming (redemption.*) and refunding (refund.*)."""

from core.errors.code_text import CodeText

REDEMPTION_CODES = (
    CodeText(
        "redemption.below_threshold",
        422,
        "订单金额不足",
        "The order is too small",
        "还差 {shortfall_yuan} 元可用。",
        "{shortfall_yuan} yuan short.",
        "再买 {shortfall_yuan} 元适用商品（{items}）即可使用。\n再买 {shortfall_yuan} 元即可使用。",
        "Buy {items} for {shortfall_yuan} yuan more to use it.\n"
        "Buy for {shortfall_yuan} yuan more to use it.",
        hotline_zh="按规则页所述金额计算，差一分也不能用；不计入的商品先扣除。",
        hotline_en="The amount is counted as the rules page says, to the fen, with excluded goods "
        "taken off first.",
    ),
    CodeText(
        "redemption.store_not_in_scope",
        422,
        "本店不在适用范围",
        "The store is outside the scope of the voucher",
        "本店{reasons}。",
        "The store is {reasons}.",
        remedy_zh="最近的可用门店：{nearest_store}。\n请在适用门店列表中选择门店。",
        remedy_en="The nearest store that takes it: {nearest_store}.\n"
        "Choose a store from the list of participating stores.",
        hotline_zh="该店不在本券适用范围；请顾客选择参与门店。",
        hotline_en="The store is outside the voucher's scope; ask the caller to choose a "
        "participating store.",
    ),
    CodeText(
        "redemption.terminal_unmapped",
        422,
        "终端未登记",
        "The terminal is not registered",
        remedy_zh="请联系收单机构登记终端。",
        remedy_en="Ask the acquirer to register the terminal.",
        hotline_zh="收银设备未登记，券未受影响；门店请联系收单机构。",
        hotline_en="The till is not registered and the voucher is untouched; the store asks its "
        "acquirer.",
    ),
    CodeText(
        "redemption.merchant_suspended",
        409,
        "商户已暂停参与",
        "The merchant is suspended",
        remedy_zh="请选择其他参与门店。",
        remedy_en="Choose another participating store.",
        hotline_zh="该商户暂停参与，券未受影响；请顾客到其他参与门店使用。",
        hotline_en="The merchant is suspended and the voucher is untouched; use it at another "
        "participating store.",
    ),
    CodeText(
        "redemption.item_not_eligible",
        422,
        "所购商品不适用",
        "The goods are not eligible",
        "本券兑换{item} {quantity} 件，订单中有 {found_quantity} 件。\n"
        "本券适用商品为{items}，订单中适用商品 {eligible_yuan} 元。\n"
        "扣除不适用商品 {excluded_yuan} 元后金额不足。",
        "It is exchanged for {quantity} of {item}; the order has {found_quantity}.\n"
        "It is for {items}; the order has {eligible_yuan} yuan of them.\n"
        "Without the {excluded_yuan} yuan of goods that are not eligible the amount does not "
        "suffice.",
        "请在订单中加入{item} {missing_quantity} 件。\n再买 {missing_yuan} 元适用商品即可使用。",
        "Put {missing_quantity} of {item} into the order.\n"
        "Buy eligible goods for {missing_yuan} yuan more to use it.",
        hotline_zh="部分商品不计入用券金额，扣除后未达门槛，或订单中没有兑换券的商品；"
        "请顾客分开结账，或增加适用商品。",
        hotline_en="Some goods do not count and without them the threshold is missed, or the item "
        "of an exchange voucher is not in the order; pay for them apart, or add goods that count.",
    ),
    CodeText(
        "redemption.above_ceiling",
        422,
        "价格超过上限",
        "The price is above the ceiling",
        "价格 {price_yuan} 元，超过上限 {ceiling_yuan} 元。",
        "The price of {price_yuan} yuan is above the ceiling of {ceiling_yuan} yuan.",
        "请选购不高于 {ceiling_yuan} 元的商品。",
        "Choose something of at most {ceiling_yuan} yuan.",
        hotline_zh="本券有价格上限，高于上限的商品不能用券。",
        hotline_en="The voucher has a price ceiling; dearer goods cannot be bought with it.",
    ),
    CodeText(
        "redemption.flow_not_allowed",
        422,
        "不支持此支付方式",
        "This way of paying is not allowed",
        "本券限{allowed}使用。",
        "It can be used only where {allowed}.",
        "请改用：{allowed}。",
        "Pay so that {allowed}.",
        hotline_zh="本券限定支付方式，请顾客按券面方式付款。",
        hotline_en="The voucher takes certain ways of paying only; ask the caller to pay as it "
        "says.",
    ),
    CodeText(
        "redemption.card_not_allowed",
        422,
        "所用银行卡不适用",
        "The bank card is not eligible",
        "本券限 {prefixes} 开头的银行卡。",
        "This voucher takes cards beginning with {prefixes}.",
        "请换用 {prefixes} 开头的银行卡。",
        "Use a card that begins with {prefixes}.",
        hotline_zh="本券限指定卡号开头的银行卡，请顾客换卡。",
        hotline_en="The voucher takes cards of certain prefixes only; ask the caller to use "
        "another card.",
    ),
    CodeText(
        "redemption.stacking_not_allowed",
        422,
        "不能与其他优惠叠加",
        "It cannot be combined",
        "每笔支付限用 {limit} 张。",
        "At most {limit} per payment.",
        hotline_zh="每笔支付只能用一张政府消费券，商户和银行优惠可同享。",
        hotline_en="One government voucher per payment; offers of merchants and banks go with it.",
    ),
    CodeText(
        "redemption.person_limit",
        409,
        "已达个人使用上限",
        "The personal limit of use is reached",
        "该周期内每人限用 {limit} 张，已用 {used} 张。",
        "At most {limit} per person in this period; {used} used.",
        hotline_zh="使用次数按人合并计算，请顾客在下一周期使用。",
        hotline_en="Uses are counted per person; ask the caller to use it in the next period.",
    ),
    CodeText(
        "redemption.hold_expired",
        409,
        "占用已超时",
        "The hold has expired",
        "占用已于 {hold_expires_at} 超时，且消费券已不可用。",
        "The hold ended at {hold_expires_at} and the voucher is no longer available.",
        "请重新发起支付。",
        "Start the payment again.",
        hotline_zh="付款超时，占用已释放；如已扣款，先查询支付结果再处理退款。",
        hotline_en="The payment took too long and the hold is gone; if money was taken, look the "
        "payment up before refunding.",
    ),
    CodeText(
        "redemption.state_conflict",
        409,
        "当前状态不能执行此操作",
        "Not possible in the present state",
        "当前状态为 {state}。",
        "The present state is {state}.",
        "请先查询该笔核销的状态。",
        "Read the redemption first.",
        hotline_zh="该笔已不在可办理的状态，请先查询当前状态再答复。",
        hotline_en="The payment is no longer in a state for this; look it up first, then answer.",
    ),
    CodeText(
        "redemption.cancel_window_closed",
        409,
        "已过撤销时限",
        "Too late to cancel",
        "不能撤销：{reason}。",
        "It cannot be cancelled: {reason}.",
        "请改为发起退款。",
        "Make a refund instead.",
        hotline_zh="已过撤销时限，改办退款，款项原路退回。",
        hotline_en="It is too late to cancel; make a refund, which goes back the way it came.",
    ),
    CodeText(
        "redemption.paused",
        409,
        "核销已暂停",
        "Redemption is suspended",
        "活动方已暂停核销。",
        "The organiser has suspended redemption.",
        hotline_zh="主办方暂停了核销，券未作废；恢复以公告为准，退款照常办理。",
        hotline_en="The organiser suspended redemption; vouchers are not void and refunds go on. "
        "The notice says when it resumes.",
    ),
    CodeText(
        "redemption.location_required",
        422,
        "需要位置信息",
        "The location is required",
        remedy_zh="请打开定位权限后重试。",
        remedy_en="Allow the location and try again.",
        hotline_zh="请顾客为付款应用打开定位权限后重试。",
        hotline_en="Ask the caller to allow the location in the paying app and retry.",
    ),
    CodeText(
        "redemption.out_of_region",
        422,
        "不在使用地区",
        "Outside the region of use",
        remedy_zh="请在{region_names}范围内使用。",
        remedy_en="Use the voucher inside {region_names}.",
        hotline_zh="使用时须身在活动地区；请顾客核对定位。",
        hotline_en="One has to be inside the region to use it; ask the caller to check the "
        "location.",
    ),
    CodeText(
        "redemption.amount_mismatch",
        422,
        "实付金额与应付金额不符",
        "The amount paid is not the amount due",
        "应付 {payable_yuan} 元，实付 {paid_yuan} 元。",
        "{payable_yuan} yuan due, {paid_yuan} yuan paid.",
        hotline_zh="收款金额与应付不符，该笔未核销；请门店按应付金额重新收款或退款。",
        hotline_en="The amount charged is not the amount due and nothing was redeemed; the store "
        "charges the right amount or refunds.",
    ),
    CodeText(
        "refund.duplicate_no",
        409,
        "退款单号已使用",
        "The refund number is already used",
        "退款单号 {refund_no} 已有一笔退款。",
        "There is already a refund {refund_no}.",
        "请用原请求流水号查询结果。",
        "Ask for the result with the first request number.",
        hotline_zh="该退款单号已办理过，查询那一笔的结果即可，不要重复退款。",
        hotline_en="This refund number was used; look that refund up and do not refund twice.",
    ),
    CodeText(
        "refund.exceeds",
        422,
        "退款金额超出",
        "The refund exceeds the order",
        "最多可退 {refundable_yuan} 元。",
        "At most {refundable_yuan} yuan can be refunded.",
        hotline_zh="退款不能超过尚未退还的金额；补贴部分按规则退回资金池，不退现金。",
        hotline_en="A refund cannot exceed what is left; the subsidy goes back as the rules say, "
        "never as cash.",
    ),
    CodeText(
        "refund.whole_only",
        422,
        "只能整单退款",
        "Only the whole order can be refunded",
        "使用兑换券的订单只能整单退款，整单为 {order_yuan} 元。",
        "An order with an exchange voucher is refunded whole: {order_yuan} yuan.",
        "请按整单 {order_yuan} 元退款；只退其他商品的，由门店退还顾客自付的部分。",
        "Refund the whole {order_yuan} yuan; for other goods alone the store gives back what the "
        "customer paid.",
        hotline_zh="兑换券抵的是商品本身，不能折成现金；退该商品须整单退款，"
        "只退其他商品由门店退还自付部分。",
        hotline_en="An exchange voucher pays for its item and never becomes cash: to return the "
        "item refund the whole order; for other goods the store gives back what was paid.",
    ),
    CodeText(
        "refund.count_limit",
        422,
        "退款次数已达上限",
        "Too many refunds",
        "每笔最多退款 {limit} 次。",
        "At most {limit} refunds per redemption.",
        hotline_zh="该笔退款次数已满；其余款项由门店与顾客另行结清，不涉及补贴。",
        hotline_en="The payment was refunded as often as possible; store and customer settle the "
        "rest without the subsidy.",
    ),
    CodeText(
        "refund.too_old",
        422,
        "已超过退款期限",
        "Too old to refund",
        "须在 {limit_days} 天内退款。",
        "A refund is possible within {limit_days} days.",
        hotline_zh="已超过退款期限；由门店与顾客自行协商，补贴不再退回。",
        hotline_en="The time for refunds is over; store and customer settle it, the subsidy stays "
        "as it is.",
    ),
    CodeText(
        "transaction.number_taken",
        409,
        "交易号已使用",
        "The transaction number is taken",
        "交易号 {number} 已用于另一笔交易。",
        "The number {number} was used for another transaction.",
        hotline_zh="由收单机构核对交易号；同一笔交易重发须使用原请求流水号。",
        hotline_en="The acquirer checks the number; the same transaction is sent again with its "
        "first request number.",
    ),
    CodeText(
        "transaction.reported_twice",
        409,
        "同一笔消费已计",
        "This purchase was counted already",
        hotline_zh="同一人在同一收银台、同一时间的同额消费只返一次券；用券支付的订单不再按交易返券。",
        hotline_en="The same person, till, time and amount count once; an order that was paid "
        "with a voucher is not counted as a transaction too.",
    ),
)

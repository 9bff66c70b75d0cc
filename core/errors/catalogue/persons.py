"""Codes of registering accounts (person.*)."""

from core.errors.code_text import CodeText

PERSON_CODES = (
    CodeText(
        "person.document_conflict",
        409,
        "该账号已登记其他证件",
        "The account is registered with another document",
        "一个渠道账号只对应一个自然人，证件不可更换。",
        "An account stands for one natural person; its document cannot be changed.",
        "请核对证件；确为他人的，请使用新的渠道用户号登记。",
        "Check the document; register another person under an account number of his own.",
    ),
    CodeText(
        "person.document_required",
        422,
        "实名账号须登记证件",
        "A verified account needs a document",
        remedy_zh="请在请求中提供已核验的证件。",
        remedy_en="Send the verified document with the request.",
    ),
)

"""Codes of merchants, stores, terminals, payees, and of importing them."""

from core.errors.code_text import CodeText

MERCHANT_CODES = (
    CodeText("acquirer.code_taken", 409, "收单机构代码已存在", "The acquirer code is taken"),
    CodeText(
        "acquirer.organisation_taken",
        409,
        "该机构已登记为收单机构",
        "The organisation already is an acquirer",
    ),
    CodeText("brand.name_taken", 409, "品牌已存在", "The brand exists"),
    CodeText(
        "merchant.registered_elsewhere",
        409,
        "该统一社会信用代码已由其他地区登记",
        "The social credit code is registered by another region",
        remedy_zh="请仅报送门店、终端与收款信息。",
        remedy_en="Report only stores, terminals and payees.",
    ),
    CodeText(
        "merchant.removed",
        409,
        "商户已清退",
        "The merchant was removed",
        remedy_zh="申诉通过后由主管部门处理。",
        remedy_en="The bureau acts after a successful appeal.",
    ),
    CodeText(
        "payee.number_taken",
        409,
        "收单商户号已属于其他商户",
        "The merchant number belongs to another merchant",
    ),
    CodeText(
        "payee.missing",
        409,
        "收单商户号没有有效的收款方",
        "The merchant number has no current payee",
        remedy_zh="请先登记收款方。",
        remedy_en="Register the payee first.",
    ),
    CodeText(
        "terminal.taken",
        409,
        "终端号已属于其他商户的门店",
        "The terminal belongs to a store of another merchant",
    ),
    CodeText(
        "terminal.untested",
        409,
        "终端未通过验券测试，不能启用",
        "The terminal has no passed voucher test",
        remedy_zh="请先登记验券测试结果。",
        remedy_en="Record the voucher test first.",
    ),
    CodeText(
        "import.file_refused",
        422,
        "文件不能导入",
        "The file cannot be imported",
        "{reason}",
        "{reason}",
    ),
)

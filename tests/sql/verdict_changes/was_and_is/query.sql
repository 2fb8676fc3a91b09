SELECT name, owner, at, was, verdict, risk, reasons, reasons_zh FROM verdict_changes ORDER BY at

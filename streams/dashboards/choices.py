"""The variables that pages share."""

from streams.dashboards import queries
from streams.dashboards.model import Variable
from streams.words import VERDICT_WORDS
from streams.worth_words import STEP_WORDS

BRAND = Variable(name="brand", title=("Brand", "品牌"), sql=queries.BRANDS)
PLATFORM = Variable(name="platform", title=("Platform", "平台"), sql=queries.PLATFORMS)
VERDICT = Variable(name="verdict", title=("Verdict", "判断"), choices=tuple(VERDICT_WORDS.items()))
GROUP = Variable(name="group", title=("Group", "群"), sql=queries.GROUPS, is_many=False)
"""One group, those that need a look first."""
GROUPS = Variable(name="group", title=("Groups", "群"), sql=queries.GROUPS)
ADVICE = tuple(STEP_WORDS.items())
"""What the view `group_worth` advises, in words."""
NO_GROUPS = (
    "No groups yet: `vitals import` reads chat logs, `vitals simulate` makes a fleet to look at",
    "还没有群:用 `vitals import` 导入聊天记录,或用 `vitals simulate` 生成示例",
)

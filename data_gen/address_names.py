"""Names that addresses are made of: roads, villages, estates, dormitories (invented, by type)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["PLACE_NAME_WIDTH", "address_names"]

PLACE_NAME_WIDTH: Final = 8

_ROADS: Final = (
    "人民 解放 建设 中山 和平 新华 文化 胜利 团结 光明 "
    "朝阳 长江 黄河 北京 南京 上海 东风 友谊 健康 教育 "
    "工业 农业 幸福 环城 滨河 滨江 迎宾 振兴 兴华 富民 "
    "学府 体育 青年 民主 民族 共和 延安 西安 泰山 昆仑 "
    "太平 永安 长安 安康 康复 花园 公园 湖滨 东湖 西湖 "
    "南湖 北湖 站前 车站 府前 科技 创业 繁荣 金山 银河"
)
_ROAD_ENDS: Final = ("路", "街", "大道", "东路", "西路", "南路", "北路", "中路")
_VILLAGE_STEMS: Final = (
    "王家 李家 张家 刘家 陈家 杨家 赵家 黄家 周家 吴家 "
    "徐家 孙家 马家 朱家 胡家 林家 郭家 何家 高家 罗家 "
    "东 西 南 北 上 下 前 后 大 小 新 老 石 白 青 "
    "黄 红 龙 凤 金 双 三 五 七 八 杨树 柳树 槐树 松树 石桥 "
    "大桥 新桥 龙泉 龙潭 清水 黑水 白云 太平 永安 长安 "
    "兴隆 福兴 和平 向阳 东风 红星 光明 胜利 新民 新建"
)
_VILLAGE_ENDS: Final = (
    "村",
    "庄村",
    "湾村",
    "沟村",
    "坪村",
    "岭村",
    "河村",
    "店村",
    "屯村",
    "寨村",
    "营村",
    "塘村",
)
_ESTATE_STEMS: Final = (
    "阳光 金色 碧水 翠湖 锦绣 万达 恒大 绿地 保利 华府 "
    "御景 盛世 东方 世纪 时代 江南 香榭 紫荆 玫瑰 桂花 "
    "丽景 怡景 康乐 安居 和谐 幸福 锦江 龙湖 金域 滨江 "
    "海棠 枫林 梧桐 凤凰 天鹅 明珠 星河 银座 中央 国际"
)
_ESTATE_ENDS: Final = (
    "花园",
    "小区",
    "家园",
    "新城",
    "华庭",
    "苑",
    "名邸",
    "公寓",
    "新村",
    "城",
    "府",
    "广场",
)
_DORMITORIES: Final = (
    "第一中学 第二中学 实验中学 职业学校 师范学院 理工学院 "
    "医学院 财经大学 工业大学 农业大学 电子厂 服装厂 "
    "机械厂 食品厂 化工厂 建筑工地 工业园 敬老院 福利院 武警中队 职工宿舍 纺织厂 汽车厂 矿务局"
)


@lru_cache(maxsize=1)
def address_names() -> tuple[
    NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]
]:
    """Names by number: roads, villages, estates, dormitories.

    Returns
    -------
    four uint16[n, PLACE_NAME_WIDTH] of code points, 0 after the end
    """
    return (
        _texts(stem + end for stem in _ROADS.split() for end in _ROAD_ENDS),
        _texts(stem + end for stem in _VILLAGE_STEMS.split() for end in _VILLAGE_ENDS),
        _texts(stem + end for stem in _ESTATE_STEMS.split() for end in _ESTATE_ENDS),
        _texts(_DORMITORIES.split()),
    )


def _texts(names: Iterable[str]) -> NDArray[np.uint16]:
    rows = [[ord(c) for c in name.ljust(PLACE_NAME_WIDTH, "\0")] for name in names]
    return np.array(rows, np.uint16)

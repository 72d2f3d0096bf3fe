"""Facts about Chinese names that no package ships, written down for `build_han`.

Everything here is general knowledge of the written language: surname readings, compound surnames,
variant characters, Hong Kong and overseas spellings of surnames. Only `build_han` reads it; the
running product reads the table that it builds.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "COMMON_SURNAMES",
    "COMPOUND_SURNAMES",
    "KEPT_APART",
    "LOOKALIKES",
    "OVERSEAS_SURNAMES",
    "PRIVATE_USE",
    "RARE_STANDARD",
    "SURNAME_READINGS",
    "TAIWAN_SPELLINGS",
    "VARIANTS",
]

SURNAME_READINGS: Final = """
单 shan, 仇 qiu, 解 xie, 曾 zeng, 查 zha, 区 ou, 朴 piao, 盖 ge, 缪 miao, 乐 yue, 翟 zhai, 覃 qin,
任 ren, 华 hua, 洗 xian, 冼 xian, 卜 bu, 阚 kan, 都 du, 薄 bo, 扎 za, 藏 zang, 种 chong, 么 yao,
隗 wei, 员 yun, 贠 yun, 貟 yun, 六 lu, 折 she, 乜 nie, 秘 bi, 句 gou, 重 chong, 粘 nian, 不 fou,
能 nai, 佴 nai, 召 shao, 浣 wan, 繁 po, 逄 pang, 逯 lu, 宓 mi, 郗 xi, 晁 chao, 黑 he, 尉 wei,
宁 ning, 车 che, 石 shi, 召 shao, 纪 ji, 葛 ge, 燕 yan, 令 ling, 卞 bian, 柏 bai, 贾 jia, 谌 chen,
厘 li, 祭 zhai, 炅 gui, 過 guo, 过 guo, 曲 qu, 钭 tou, 訾 zi, 笪 da, 牟 mu, 莘 shen, 眭 sui,
璩 qu, 麴 qu, 逢 pang, 洪 hong, 应 ying, 占 zhan, 观 guan, 沈 shen, 万 wan, 俞 yu, 於 yu, 谯 qiao,
殷 yin, 郇 xun, 郄 qie, 郤 xi, 锺 zhong, 褚 chu, 臧 zang, 妫 gui, 祝 zhu, 佘 she, 厍 she, 啜 chuai,
哈 ha, 妹 mo, 筰 zuo, 洼 gui, 侯 hou, 强 qiang, 冯 feng, 朱 zhu, 夏 xia, 长 zhang, 行 xing, 景 jing,
叶 ye, 余 yu, 许 xu, 庹 tuo, 操 cao, 撒 sa, 揣 chuai, 相 xiang, 谷 gu, 畅 chang, 荀 xun, 蔚 yu,
仉 zhang, 禚 zhuo, 幺 yao, 亓 qi, 亢 kang, 伋 ji, 肖 xiao, 尹 yin, 什 shi, 难 nan, 合 he, 适 kuo,
属 shu, 少 shao, 降 jiang, 蕃 pi, 便 pian, 瞿 qu, 靓 jing, 参 shen, 俟 qi, 宿 su, 会 gui
"""
"""Surname and its reading, where a dictionary's first reading may differ."""

COMPOUND_SURNAMES: Final = """
欧阳 ou yang|上官 shang guan|皇甫 huang fu|令狐 ling hu|诸葛 zhu ge|司徒 si tu|司马 si ma
申屠 shen tu|夏侯 xia hou|贺兰 he lan|完颜 wan yan|慕容 mu rong|尉迟 yu chi|长孙 zhang sun
万俟 mo qi|澹台 tan tai|单于 chan yu|乐正 yue zheng|子车 zi ju|句龙 gou long|鲜于 xian yu
亓官 qi guan|宰父 zai fu|公冶 gong ye|濮阳 pu yang|钟离 zhong li|谷梁 gu liang|谷粱 gu liang
淳于 chun yu|太叔 tai shu|仲孙 zhong sun|轩辕 xuan yuan|宇文 yu wen|闾丘 lü qiu|司空 si kong
司寇 si kou|颛孙 zhuan sun|端木 duan mu|巫马 wu ma|公西 gong xi|漆雕 qi diao|壤驷 rang si
公良 gong liang|拓跋 tuo ba|夹谷 jia gu|段干 duan gan|百里 bai li|东郭 dong guo|南门 nan men
呼延 hu yan|羊舌 yang she|微生 wei sheng|梁丘 liang qiu|左丘 zuo qiu|东门 dong men|西门 xi men
南宫 nan gong|第五 di wu|赫连 he lian|公羊 gong yang|独孤 du gu|哥舒 ge shu|耶律 ye lü
纳兰 na lan|叶赫 ye he|那拉 na la|赫舍里 he she li|瓜尔佳 gua er jia|钮祜禄 niu hu lu
南荣 nan rong|北宫 bei gong|达奚 da xi|侯莫陈 hou mo chen|公孙 gong sun|宗政 zong zheng
东方 dong fang|范姜 fan jiang|张简 zhang jian|张廖 zhang liao|毌丘 guan qiu|屈突 qu tu
斛律 hu lü|仆固 pu gu|呼衍 hu yan|秃发 tu fa|乞伏 qi fu|宿勤 su qin|库狄 she di|厍狄 she di
叱干 chi gan|乌孙 wu sun|爱新 ai xin|富察 fu cha|佟佳 tong jia|库尔 ku er|伊尔 yi er
费莫 fei mo|舒穆禄 shu mu lu|那木 na mu|太史 tai shi|公仪 gong yi|公户 gong hu|士孙 shi sun
即墨 ji mo|亓元 qi yuan|新垣 xin yuan|瑕丘 xia qiu|巨毋 ju wu|相里 xiang li|刘付 liu fu
"""

KEPT_APART: Final = "於乾昇陞甯甦邨氾迺釐喆堃犇仝淼龢皙藉徵瞭著"
"""Folded by general-purpose tables, but another name in its own right: 于 is not 於, 升 not
昇."""

VARIANTS: Final = """
擡抬 幷并 遶绕 拚拼 搧扇 牴抵 箚札 峯峰 羣群 傑杰 珎珍 強强 彊强 淨净 決决 況况 減减 冊册 沖冲
衝冲 湧涌 艷艳 豔艳 艶艳 絃弦 鵰雕 閑闲 畧略 畊耕 桒桑 栢柏 椶棕 枬楠 柟楠 槑梅 楳梅 煇辉 燿耀
燐磷 犂犁
猨猿 瑠琉 璢琉 甎砖 皐皋 臯皋 盃杯 眞真 叡睿 碁棋 棊棋 祕秘 秌秋 穐秋 龝秋 穎颖 頴颖 窻窗 牕窗
竝并 並并 併并 竪竖 筍笋 箇个 粧妆 綉绣 緐繁 繙翻 飜翻 羨羡 聡聪 衆众
眾众 衞卫 裵裴 覩睹 詠咏 諠喧 讙欢 懽欢 貎貌 跡迹 蹟迹 蹤踪 躭耽 逈迥 郞郎 鄰邻 隣邻 銕铁 鉄铁
鐡铁 鋭锐 録录 彔录 閲阅 雋隽 鷄鸡 雞鸡 鶏鸡 霑沾 韻韵 顔颜 髙高 黃黄
黒黑 啓启 啔启 呉吴 吳吴 囯国 圀国 増增 夀寿 姉姊 娯娱 寛宽 寳宝 寶宝 屆届 岀出 峩峨 嶋岛 島岛
嶌岛 巌岩 巖岩 嵓岩 喦岩 巗岩 帋纸 庻庶 広广 弍二 弌一 弎三 弐贰 徳德
恆恒 恵惠 愼慎 懐怀 抜拔 挿插 敍叙 敘叙 旣既 昻昂 晉晋 暦历 歴历 曺曹 曽曾 朶朵 桜樱 楽乐 歩步
歳岁 嵗岁 亗岁 毎每 氷冰 浄净 淸清 渓溪 谿溪 湯汤 溫温 満满 滝泷 沢泽
濵滨 瀬濑 焔焰 熖焰 煕熙 凞熙 熈熙 爲为 為为 犠牺 瑤瑶 瓊琼 産产 畫画 畵画 疊叠 癡痴 祿禄 禎祯
稅税 稟禀 穂穗 窰窑 窯窑 竜龙 龍龙 筭算 篠筱 絕绝 經经 経经 綠绿 緑绿
継继 繍绣 缾瓶 罸罚 羙美 翆翠 聴听 粛肃 肅肃 脈脉 與与 舎舍 舘馆 館馆 舩船 芲花 苐第 荘庄 莭节
菓果 葢盖 蒐搜 蔦茑 薫薰 蔵藏 薬药 蘂蕊 蕋蕊 蘓苏 蘇苏 虛虚 覇霸 覚觉
覧览 観观 讃赞 讚赞 贊赞 賛赞 豐丰 豊丰 頼赖 賴赖 軽轻 転转 輭软 辺边 遅迟 逺远 遠远 郷乡 鄉乡
鄕乡 醖酝 釆采 採采 埰采 銭钱 錬炼 鎭镇 関关 闗关 闘斗 鬪斗 陰阴 隂阴
隠隐 険险 隷隶 雑杂 霊灵 霛灵 靑青 靜静 頽颓 顕显 顚颠 飮饮 駅驿 騒骚 驗验 験验 髪发 麫面 黙默
鼡鼠 斉齐 斎斋 齢龄 亀龟 尙尚 旾春 吿告 戸户 戶户 敎教 栄荣 栁柳 桺柳
桞柳 渕渊 淵渊 囦渊 玆兹 玅妙 甞尝 盌碗 硏研 秊年 穌稣 竒奇 羗羌 脗吻 苺莓 荅答 萠萌 蓡参 葠参
蔴麻 虗虚 蜨蝶 衜道 衟道 覌观 詧察 譁哗 貮贰 賔宾 賓宾 賍赃 贗赝 逹达
遡溯 泝溯 邉边 郵邮 鉢钵 鉏锄 銹锈 鋒锋 鍼针 鎖锁 鏁锁 閙闹 鬧闹 闢辟 隄堤 隨随 雝雍 雲云 靁雷
韮韭 頫俯 頥颐 頤颐 飃飘 飄飘 飈飙 飚飙 飇飙 飱飧 餧喂 駡骂 驪骊 髩鬓
魯鲁 鯤鲲 鳯凤 鳳凤 鵞鹅 鵝鹅 鸎莺 鹻碱 麐麟 麕麇 麤粗 麄粗 齎赍 㑺俊 㒞杰 㛃洁 㨗捷 㳟恭 㴱深
㷱焰 倸睬 俻备 備备 亷廉 亙亘 倂并 僊仙 僲仙 儁俊 冦寇 冨富 冩写 憑凭
刧劫 刼劫 剏创 創创 劎剑 剣剑 劒剑 劔剑 勅敕 勲勋 勳勋 勛勋 勻匀 卽即 卄廿 卋世 卥卤 厤历 厰厂
叅参 収收 叧另 咊和 咲笑 喒咱 噐器 囍喜 囬回 廻回 迴回 坵丘 埜野 堦阶
塲场 墖塔 壻婿 夘卯 奨奖 妬妒 妳你 姸妍 娬妩 婬淫 孃娘 嫺娴 嫻娴 孼孽 宻密 寃冤 寕宁 寗宁 寜宁
寔实 実实 實实 尅克 尗叔 峽峡 崐昆 崑昆 崘仑 崙仑 嶽岳 巵卮 帀匝 廵巡
弔吊 弢韬 彂发 彿佛 徃往 恊协 恠怪 恡吝 悞误 惪德 悳德 慇殷 慙惭 慿凭 慽戚 懃勤 戯戏 戱戏 扞捍
抝拗 拏拿 挐拿 挷绑 捄救 揷插 搥捶 摠总 撡操 擕携 攜携 擧举 挙举 攷考
敺驱 斵斫 昬昏 昞昺 晳皙 晣晢 暎映 暠皓 暱昵 曡叠 朙明 朞期 杮柿 枱台 柂舵 査查 栞刊 桮杯 梹槟
棃梨 棲栖 椉乘 榦干 槀槁 槩概 樝楂 樷丛 欎郁 欝郁 鬱郁 歎叹 歗啸 毘毗
氊毡 氣气 気气 汚污 汙污 泒派 淚泪 洩泄 涖莅 涼凉 淛浙 渆渊 湼涅 溌泼 滙汇 匯汇 彙汇 漑溉 潄漱
潛潜 濳潜 濬浚 瀏浏 炤照 烖灾 災灾 煙烟 煖暖 煥焕 燄焰 爕燮 牀床 牋笺
牓榜 犛牦 狥徇 猂悍 獎奖 珤宝 珪圭 琍璃 琹琴 瓌瑰 畱留 畄留 疎疏 疿痱 痺痹 皁皂 皃貌 皷鼓 鼔鼓
盇盍 蓋盖 睪睾 矦侯 砲炮 礮炮 硃朱 磵涧 禆裨 秇艺 秔粳 稺稚 穉稚 竢俟
笧册 筯箸 箎篪 簒篡 籐藤 粦磷 糢模 糭粽 紥扎 紮扎 絍纴 緜绵 綿绵 縚绦 繮缰 罇樽 罋瓮 羴膻 翶翱
翺翱 耑端 耡锄 聨联 聯联 聫联 肎肯 胷胸 脇胁 脣唇 臥卧 艢樯 艣橹 艪橹
芻刍 茘荔 茲兹 荊荆 菴庵 萬万 葊庵 葅菹 蒓莼 蕚萼 薌芗 藼萱 蘐萱 萲萱 蠏蟹 衇脉 衖弄 袐秘 袠帙
裏里 裡里 褃裉 襍杂 覔觅 覓觅 觔斤 誌志 謌歌 謡谣 謠谣 譔撰 譭毁 燬毁
豓艳 豬猪 貍狸 贒贤 賢贤 趂趁 踈疏 踰逾 輓挽 辤辞 辭辞 辝辞 逬迸 遯遁 鄊乡 酧酬 醻酬 醕醇 鈎钩
鉤钩 鉋刨 銲焊 鋪铺 舖铺 鐫镌 鎸镌 鑛矿 鑪炉 罏垆 閧哄 閭闾 闇暗 陗峭
陜陕 陿狭 隟隙 鴈雁 靈灵 韈袜 韤袜 韜韬 頋顾 颺扬 飏扬 揚扬 飢饥 餵喂 餽馈 饍膳 馭驭 馱驮 駞驼
駝驼 騐验 騣鬃 驘骡 骾鲠 髴佛 髥髯 鬦斗 鮓鲊 鱏鲟 鱘鲟 鳬凫 鳧凫 鴬莺
鶯莺 鷰燕 鸞鸾 鹼碱 麯曲 麴曲 麪面 麵面 龕龛 𠮷吉 𡈽土 𠀋丈 﨑崎 嵜崎 碕崎 濱滨 澤泽 塚冢 槇槙
"""
"""Variant character and the form it folds to (before or after simplification)."""

LOOKALIKES: Final = """
未末 土士 日曰 己已 已巳 己巳 王玉 玉主 王主 天夭 戊戌 戌戍 戊戍 大太 大犬 太犬 人入 人八 入八
千干 干于 千于 元无 无天 子孑 刀力 刀刁 九丸 丸凡 久夕 木术 本木 禾木
白百 百自 目自 日目 目且 旦但 田由 由甲 甲申 由申 田甲 申电 电龟 乌鸟 马乌 午牛 今令 冷泠 兵乓
乒乓 兵乒 斤斥 厂广 历厉 风凤 凤夙 几凡 凡风 开井 井并 永水 水冰 永泳
洋祥 详祥 详洋 伟炜 伟玮 炜玮 纬伟 韦伟 晓骁 晓烧 晓绕 骁哓 婷停 婷娉 丽俪 丽两 军车 军宣 军浑
国固 国园 国团 园团 因困 困囚 志忠 忠患 明朋 朋月 晴睛 晴倩 清请 请情
清情 情晴 静净 建健 建律 健键 华毕 毕比 文交 文丈 丈大 勇男 勇湧 杰烈 辉挥 辉晖 晖挥 浑晖 强弼
刚钢 钢纲 刚纲 红江 江汀 红虹 艳绝 芳芬 方万 芳劳 丹舟 丹册 兰三 兰羊
梅海 梅敏 海悔 侮悔 洁结 桔结 佳住 住往 佳挂 佳桂 桂挂 娟捐 涓捐 娟涓 绢娟 玲铃 玲聆 玲冷 琳淋
琳林 彬杉 彬林 杉衫 彩采 采菜 霞露 雪雷 雷霍 宁宇 宇字 字宁 宇宋 宋末
宋朱 朱未 朱末 李季 季秀 秀委 李孝 孝考 考老 刘列 刘对 陈阵 陈东 东乐 东车 乐牙 张弘 弘宏 杨扬
扬汤 杨汤 杨场 柳抑 黄寅 黄横 周同 周用 同向 徐除 徐涂 涂除 孙外 孙补
胡湖 湖糊 郭敦 何河 河可 林材 梁粱 梁染 罗岁 郑邓 郑关 谢榭 唐康 康庸 庸唐 冯沔 彭澎 曹遭 曹漕
曾会 肖尚 肖消 田四 董重 袁哀 潘播 蒋浆 蔡察 余佘 佘奈 杜社 杜牡 叶吐
叶汁 程逞 苏办 办为 魏巍 魏槐 吕品 吕昌 丁于 任仕 任仁 沈沉 姚桃 卢户 姜美 美羊 崔催 崔雀 钟钏
谭潭 陆陕 汪注 注住 汪旺 范泛 金全 石右 右左 右古 古吉 廖寥 贾贯 贾费
夏复 韦书 付傅 傅博 傅搏 方力 白臼 邹皱 孟盂 熊能 秦泰 泰春 春秦 邱邵 邵郡 江工 尹伊 薛薜 闫问
问间 段殷 段投 侯候 侯猴 龙尤 尤犬 尤无 史吏 史央 陶掏 贺驾 顾颀 毛手
郝赤 龚袭 邵绍 钱线 钱贱 严产 覃谭 武式 戴载 莫草 孔扎 白自 向何 常裳 温湿 康庚 施旖 文夂 樊焚
葛渴 邢刑 邢那 安妄 齐斋 易昜 乔桥 伍任 庞宠 颜额 倪睨 庄压 聂最 章竟
章童 鲁兽 岳兵 翟耀 詹瞻 欧殴 耿秋 关天 焦集 俞喻 左在 柳卯 甘廿 祝况 祝祀 祀纪 包句 宁丁 尚向
符苻 舒野 阮院 阮玩 柯河 纪记 纪妃 梅侮 童竜 凌陵 凌棱 单卑 单甲 裴斐
霍雀 涂途 成戍 苗笛 谷合 盛盔 曲典 曲由 翁公 冉再 骆络 蓝篮 路跑 游旌 辛幸 靳勒 管营 柴紫 蒙家
鲍鮑 华化 祁祈 蒲薄 房户 滕腾 滕藤 屈居 饶绕 解懈 牟车 艾芝 艾义 阳阴
阳旧 阳时 时村 时对 穆稑 农衣 农家 司可 司同 卓早 古占 缪谬 简筒 简间 项顶 连莲 芦庐 麦友 褚储
褚猪 娄委 窦实 戚威 岑芩 芩苓 景影 党堂 党觉 宫官 卜下 卜上 冷冶 冶治
治洽 晏宴 席度 卫卩 米来 米朱 柏拍 柏伯 伯泊 宗宋 瞿翟 佟修 应庆 应兴 庆厌 臧藏 闵闽 苟荀 邬乌
边办 姬姖 师帅 仇仉 和知 知如 如姑 桑柔 沙纱 巴巳 巴色 毋母 贝见 勤勒
敏每 媛援 嫒媛 媛暖 瑷瑗 缓援 嘉喜 喜善 娅哑 妍研 妍奸 烨桦 晔烨 哗晔 桦晔 灏颢 皓浩 皓酷 浩洁
昊吴 吴吞 昊旻 昊晃 旻旼 晨辰 辰展 宸晨 睿容 睿濬 梓样 梓辛 涵函 涵涌
萱宣 暄喧 煊暄 渲宣 轩斩 轩杆 琪棋 淇棋 琪淇 祺棋 旗棋 琦绮 倚琦 绮倚 茜西 茜茵 茵菌 菲非 蓓培
陪培 培倍 倍陪 薇微 微徽 徵微 蕾雷 瑶摇 遥瑶 摇遥 璐露 璇旋 璟景 璨灿
"""
"""Pairs that hand copying and text recognition confuse, beyond those computed from strokes."""

PRIVATE_USE: Final = {
    0xE816: 0x20087, 0xE817: 0x20089, 0xE818: 0x200CC, 0xE81E: 0x9FB4, 0xE826: 0x9FB5,
    0xE82B: 0x9FB6, 0xE82C: 0x9FB7, 0xE831: 0x215D7, 0xE832: 0x9FB8, 0xE83B: 0x2298F,
    0xE843: 0x9FB9, 0xE854: 0x9FBA, 0xE855: 0x241FE, 0xE864: 0x9FBB,
}  # fmt: skip
"""GB 18030-2000 kept these characters in the private use area; databases still hold the codes."""

RARE_STANDARD: Final = "𠅤𠙶𠳐𡎚𡐓𤧛𤫉𥔲𥕢𥖨𥻗𦒍𦙶𦭜𦰡𧿹𨙸𨚕𨟠𨭉𨺙"
"""Characters of the national list of standard characters (2013) that lie in Extension B."""

COMMON_SURNAMES: Final = (
    "王李张刘陈杨黄赵周吴徐孙马胡朱郭何罗高林郑梁谢唐许冯宋韩邓彭曹曾田萧肖潘袁蔡蒋余于杜叶程魏苏"
    "吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付傅方邹熊白孟秦邱侯江尹薛闫阎段雷龙黎史陶贺毛郝顾龚邵"
    "万覃武钱戴严莫孔向常汤康易乔赖文施洪辛柯庄温牛葛章柳鲁俞岳梅骆祝毕关管费左安艾纪聂焦裴席翁"
    "阮符耿游解甘欧祁路房简单鲍盛柴卜霍代尚瞿全童古季佟靳涂苗殷宁谷丛路包项裘缪成牟华盖车查曲倪"
    "詹申饶凌宫褚荆纪尤卓蒙滕冉仇池桂应伍喻明麦蓝海芦刁鞠党时封燕冀郎桑晏杭屈穆楼慕米强卫粟原练"
    "习敖闵岑鹿窦边娄沙丘连苑蔺储储支郁占巩衣邢侍商植栾仲卞奚戚胥惠巫匡官寇母丰富甄糜迟师翟区朴"
    "初阳印揭樊相皮隋平臧冷柏从井茹洛宗厉隆虞虎鄢於仝门公都阚才寻伊花国邬冼木杞幸阙步苟楚晋员"
)
"""Single surnames most people bear; a four-character name opening with none of them is no Han
name."""

OVERSEAS_SURNAMES: Final = """
chan chen|cheung zhang|wong wang huang|lee li|lau liu|chow zhou|ng wu|leung liang|ho he|kwok guo
lam lin|yeung yang|cheng zheng|tsang zeng|tang tang deng|ma ma|mak mai|fung feng|siu xiao shao
lo luo lu|poon pan|kwan guan|chu zhu|yuen yuan ruan|tsui xu|tse xie|au ou|kam jin gan|yiu yao
choi cai|tsoi cai|law luo|hui xu|ip ye|yip ye|mok mo|tam tan|tong tang|wan wen yun|lai li
sin xian|so su|shum shen|sze shi|szeto situ|suen sun|pang peng|ngai wei|ngan yan|mui mei|man wen
luk lu|lui lü lei|ling ling|kwong kuang|kong jiang|kan jian|fong fang kuang|fok huo|chung zhong
chiu zhao|chiang jiang|chin qian qin|chui xu|chong zhuang|cheuk zhuo|chau zhou|chik qi|chak zhai
hung hong|hon han|ha xia|hau hou|ko gao|koo gu|ku gu|kei ji|lok luo|loong long|lung long|lim lin
tan chen|ong wang|teo zhang|toh du|goh wu|koh xu gao|chua cai|yap ye|yeo yang|tay zheng|teh zheng
ooi huang|oei huang|neo liang|nio liang|khoo qiu|quek guo|sim shen|seah xie|sia xie|soh su|foo fu
gan yan|heng wang|kang jiang|kwek guo|kuok guo|lew liu|liew liu|liow liao|loke lu|loh luo|low liu
lum lin|mah ma|moy mei|pua pan|phua pan|see shi|seow xiao|tio zhang|ting chen|wee huang|woo hu
wu wu|yee yu|yong yang|yu yu|yuan yuan|young yang|hsu xu|kim jin|park piao|choe cui|bae pei
gong gong
soong song|sung song|seto situ|auyeung ouyang|auyang ouyang|szema sima|chugeok zhuge|chukot zhuge
eu ou|ou ou|chee xu|cham zhan|chai chai|chek shi|chia xie|chiam zhan|chin chen|fan fan|fu fu
guan yan
hoh he|hoo hu|hsiao xiao|jeung zhang|jong zhong|kau qiu|keung jiang|kiang jiang|kung gong|kuo guo
kwan guan|lao liu|lei li|leong liang|liang liang|liong liang|liu liao|lou lu|lu lu|mo wu|nam lan
ning ning|pak bai|pun pan|shek shi|shiu shao|shing cheng|sit xue|tai dai|tin tian|to du|tou du
tsai cai
tso cao|tung dong|wai wei|wat qu|yam ren|yan ren|yau qiu you|yim yan|yik yi|yin yin|yung rong
yue yu
"""
"""Surname spellings of Hong Kong, Macao and overseas Chinese with their Mandarin syllables."""

TAIWAN_SPELLINGS: Final = """
shyu xu|jou zhou|jang zhang|jeng zheng|jiang jiang|tseng zeng|hwang huang|lii li|wey wei
shiau xiao|shieh xie|shih shi|jong zhong|juang zhuang|kuo guo|lyu lü|yeh ye|yueh yue|tzu zi
szu si|ssu si|rong rong|shiu xiu|shin xin|shing xing|jhang zhang|jheng zheng|jhih zhi
jhong zhong|jhou zhou|syu xu|syue xue|siao xiao|sie xie|cai cai|ciou qiu|cing qing|sin xin
sing xing|siang xiang|fong feng|lee li|ing ying|soong song|koo gu|ke ge|kun gun|tuo duo|huey hui
chyi qi|yau yao|tzong zong|hsia xia|jhen zhen|jhu zhu|jhuang zhuang|jyun jun|yun yun|wun wen
woan wan|der de|jye jie|jia jia
"""
"""Taiwan spellings outside Wade-Giles (Tongyong, Gwoyeu and personal ones) seen in passports."""

"""The words for what customers of any shop or service talk about, in five languages; data only."""

from __future__ import annotations

# A concept, then its stems by language. A stem matches from a word's start on; in German, which joins words, and in Chinese, which
# writes no spaces, anywhere. "_" stands for a space, "$" for a word's end.
CONCEPTS = r"""
return
  en: return give_back giving_back send_back sending_back sent_back take_back took_back bring_back hand_back go_back
    goes_back keep_it
  de: rückgabe zurückgeb zurückschick zurücksend rücksend retour rückgeb zurückgesch zurücknehm
  es: devol devuelv retornar
  fr: retour renvoy rendre rends rendu
  zh: 退货 退回 寄回 退换 要退 想退 退吗 能退 可退 怎么退
refund
  en: refund money_back pay_me_back paid_back reimburs get_my_money my_money the_money
  de: erstatt geld_zurück rückzahl rückerstatt mein_geld das_geld betrag_zurück
  es: reembols devolución_del_dinero devuelven_el_dinero mi_dinero el_dinero el_importe
  fr: rembours mon_argent l'argent
  zh: 退款 钱退 退钱 的钱 钱什么时候
exchange
  en: exchang swap switch_to change_it_for trade_it different_size other_size bigger_one smaller_one next_size wrong_size
    another_size change_the_size right_size too_small too_big too_tight too_large
  de: tausch andere_größe falsche_größe zu_klein zu_groß zu_eng größer_ kleiner_ nummer_größer
  es: cambi otra_talla más_grande mas_grande más_pequeñ talla_equivocada queda_pequeñ queda_grande
  fr: échang autre_taille trop_petit trop_grand trop_serré taille_au-dessus taille_en_dessous plus_grande
  zh: 换货 换码 换大 换小 更换 换一 换尺 太大 太小 大了 小了 不合身
size
  en: siz fit$ fits$ fitting runs_small runs_large true_to
  de: größe passt fällt_ aus$ schuhgröße
  es: talla número quedan horma
  fr: taill pointure
  zh: 尺码 尺寸 码 偏小 偏大
delivery
  en: deliver shipping ship$ ships$ shipped shipment dispatch arriv parcel package get_here transit courier carrier
  de: liefer versand versend verschick zustell sendung paket kommt_an anliefer
  es: envío envio enví envi entreg llega paquete mand
  fr: livr expéd envoi colis reçoi arriv envoy
  zh: 配送 快递 寄到 发货 送达 送到 到货 物流 寄往 邮寄 包裹 寄给
express
  en: express overnight next_day tomorrow quick fast urgent same_day
  de: express eil morgen nächsten_tag schnell
  es: exprés expres urgent mañana rápid siguiente
  fr: express demain lendemain urgent rapide
  zh: 加急 明天 次日 最快 特快
tracking
  en: track shipment_status tracing where_is_my where's_my on_its_way moved movement no_update stuck
  de: sendungsverfolg verfolg tracking wo_ist bewegung sendungsnummer bewegt
  es: seguimiento rastre localiza dónde_está donde_esta mover movimiento mueve
  fr: suivi suivre où_est où_en_est bouge numéro_de_suivi
  zh: 物流 单号 查询 跟踪 更新 到哪 追踪 动态
lost
  en: lost missing vanish disappear gone_missing never_turned never_arriv not_arriv hasn't_arriv nothing_here not_there
    could_not_find not_found neighbour neighbor marked_delivered
  de: verloren verschwund nicht_angekommen nichts_angekommen nicht_da nicht_auf nachbar nie_angekommen zugestellt
  es: perd no_aparece no_ha_llegado no_llega nada entregado extravi vecino no_lo_encuentr desapar
  fr: perdu disparu pas_reçu rien_reçu pas_arrivé voisin introuvable mais_rien égaré
  zh: 丢 没收到 没拿到 不见 找不到 签收 邻居 遗失
damaged
  en: damag broken broke$ crack dent scratch smash leak pieces torn ripped shattered bent defect faulty burst hole
  de: beschädig kaputt zerbroch gebroch defekt riss verbeul delle kratz loch undicht schad
  es: dañad rot[oa] rompi rajad golpe abolla averiad defectuos aplastad
  fr: abîm cass endommag fendu fissur déchir défectueu brisé écras trou$
  zh: 损坏 坏 破 裂 碎 压扁 摔 漏 瑕疵
wrong_item
  en: wrong_item wrong_product wrong_colour wrong_color wrong_jacket wrong_thing something_else somebody_else's
    someone_else's instead_of different_product not_what_i_ordered other_product sent_me_a the_wrong
  de: falsche_farbe falsche_ware falschen_artikel falscher_artikel falsches falsche_geliefert statt verwechsel andere_ware
  es: equivocad otro_producto otro_artículo otro_color en_vez_de en_lugar_de no_es_lo_que incorrect
  fr: mauvais_article mauvaise_couleur erreur_d'article autre_article au_lieu_de pas_ce_que mauvais_produit autre_produit
    trompé
  zh: 发错 寄错 不符 错的 错了颜色 不是我订 不是我买
cancel
  en: cancel call_off stop_an_order stop_my_order undo get_out_of revoke accident by_mistake changed_my_mind don't_want_it
  de: stornier widerruf rückgängig abbestell abbrech storno
  es: cancel anul
  fr: annul rétract
  zh: 取消 撤销 不想要 撤单 改主意
address
  en: address house_number street moved moving old_flat pick-up_point
  de: adresse hausnummer umgezogen straße anschrift
  es: dirección direccion calle mudad
  fr: adress numéro_de_rue déménag
  zh: 地址 门牌 搬家
change
  en: change edit modif correct redirect alter
  de: änder bearbeit korrigier umleit
  es: modific cambiar_la corregir redirig editar
  fr: modif chang corrig redirig
  zh: 修改 更改 改成 改地址 写错
payment
  en: pay$ pays$ paying payment paypal visa$ mastercard klarna ideal$ bancontact credit_card debit_card my_card
    bank_transfer instalment on_account
  de: zahl paypal visa mastercard klarna kreditkart überweis lastschrift rechnungskauf karte
  es: pag tarjeta_de_crédito paypal visa mastercard transferencia mi_tarjeta
  fr: pay[eé] paie règl paypal visa mastercard virement carte_bancaire carte_de_crédit ma_carte par_carte
  zh: 付款 支付 paypal visa mastercard 信用卡 万事达 刷卡 转账 付钱
failed
  en: fail declin reject refus error doesn't_go_through won't_go not_accepted not_accept doesn't_work
  de: abgelehnt fehlgeschlag fehler klappt_nicht funktioniert_nicht schlug
  es: rechaz error falla fallid no_funciona
  fr: refus échou erreur ne_passe ne_fonctionne ne_marche
  zh: 失败 拒 错误 报错 用不了 刷不过
twice
  en: twice double two_times duplicate
  de: zweimal doppelt zwei_mal
  es: dos_veces doble duplicad
  fr: deux_fois double doublon
  zh: 两次 重复 两笔 双重
charged
  en: charg debit$ debited taken booked statement withdrawn
  de: abgebucht abbuch belast buchung kontoauszug
  es: cobr cargo
  fr: débit prélev factur[eé]_deux
  zh: 扣款 扣了 扣费 划走 账单
invoice
  en: invoice bill$ receipt vat tax_id
  de: rechnung beleg quittung ust
  es: factura recibo nif$ iva$
  fr: factur reçu$ tva$
  zh: 发票 开票 税号 收据
discount_code
  en: code voucher_code promo coupon discount
  de: code rabattcode gutscheincode rabatt
  es: código codigo cupón descuento promo
  fr: code_promo code$ bon_de_réduction promo réduction remise
  zh: 优惠码 折扣码 促销码 优惠券
combine
  en: combin stack two_codes together both_codes two_vouchers
  de: kombinier zwei_codes zusammen zwei_gutschein gleichzeitig auf_einmal
  es: combin acumul juntar dos_códigos
  fr: cumul combin deux_codes ensemble
  zh: 叠加 一起用 合并 同时用
student
  en: student uni$ university studying college campus
  de: student studier uni$ hochschul
  es: estudiant universi
  fr: étudi universit fac$
  zh: 学生 大学
gift_card
  en: gift voucher present_card
  de: geschenkgutschein gutschein geschenkkarte
  es: tarjeta_regalo tarjetas_regalo tarjeta_de_regalo cheque_regalo
  fr: carte_cadeau cartes_cadeau chèque_cadeau bon_d'achat
  zh: 礼品卡 购物卡 礼物卡
points
  en: points reward loyal bonus
  de: punkte bonus treue
  es: puntos fideli
  fr: points fidélité
  zh: 积分
expire
  en: expir valid run_out lapse until_when good_for use_by last$
  de: gültig verfall verfäll ablauf läuft_ab gilt einlösbar
  es: caduc válid valid vence dura$ duran$
  fr: expir valable valid péri
  zh: 过期 有效 失效 清零 到期
price
  en: how_much cost price fee$ fees$ expensive cheap charge euros amount worth postage
  de: kost preis gebühr teuer wie_viel(?!e) wieviel(?!e) betrag porto
  es: cuánto_cuesta cuanto_cuesta cuánto_vale cuanto_vale precio coste costo gastos tarifa cobráis importe cuest
  fr: combien_coûte combien_ça coût prix tarif frais montant coute cher$
  zh: 多少钱 价格 价钱 费用 运费 收费 要钱 贵
free
  en: free$ no_charge without_cost for_nothing at_no_cost
  de: kostenlos gratis umsonst kostenfrei versandfrei
  es: gratis gratuit sin_coste
  fr: gratuit offert sans_frais
  zh: 免费 包邮 免运费 不要钱
duration
  en: how_long delivery_time shipping_time how_many_days how_many_working when_will when_do when_is how_fast how_soon days weeks
  de: wie_lang wie_viele_tage wann_ dauer wie_schnell frist innerhalb tage_
  es: cuánto_tarda cuanto_tarda cuántos_días cuantos_dias cuándo cuando plazo cuánto_tiempo cuanto_tiempo tarda
  fr: combien_de_temps combien_de_jours quand délai délais sous_combien dans_combien prend
  zh: 多久 几天 多长 什么时候 多少天 期限 几周 啥时候
customs
  en: customs duties duty import_tax import_charge at_the_door handling_fee brexit
  de: zoll einfuhr abgaben
  es: aduan arancel impuestos
  fr: douan taxes_d'importation
  zh: 关税 海关 税钱 清关
abroad
  en: abroad overseas outside_the_eu norway switzerland united_kingdom uk$ britain england london zurich geneva bern oslo
    swiss
  de: norweg schweiz großbritannien england zürich genf bern oslo ausland vereinigte_königreich
  es: noruega suiza reino_unido inglaterra extranjero zúrich ginebra londres
  fr: norvège suisse royaume-uni angleterre étranger zurich genève londres
  zh: 挪威 瑞士 英国 国外 海外 苏黎世 日内瓦 伦敦
eu_country
  en: germany netherlands belgium france italy spain austria portugal poland greece sweden denmark ireland berlin munich
    paris lyon madrid barcelona seville vienna rome lisbon rotterdam amsterdam antwerp rest_of_the_eu
  de: deutschland niederland belgien frankreich italien spanien österreich portugal polen griechenland wien paris berlin
    köln münchen hamburg rom_ übrige_eu
  es: alemania países_bajos bélgica francia italia españa austria portugal polonia grecia madrid barcelona sevilla valencia
    viena resto_de_la_ue
  fr: allemagne pays-bas belgique france italie espagne autriche portugal pologne grèce paris lyon marseille bordeaux
    toulouse bruxelles vienne reste_de_l'ue
  zh: 德国 荷兰 比利时 法国 意大利 西班牙 奥地利 葡萄牙 波兰 希腊 维也纳 巴黎 柏林 欧盟其他
us
  en: america united_states usa$ u\.s\. the_us$ canada new_york
  de: usa$ amerika vereinigte_staaten kanada
  es: estados_unidos eeuu ee\.uu américa canadá
  fr: états-unis amérique canada
  zh: 美国 加拿大
account
  en: account login log_in sign_in profile
  de: konto einlogg anmeld login
  es: cuenta sesión acceder
  fr: compte connect identifiant
  zh: 账户 账号 帐号 帐户 登录 登不上
password
  en: password reset passcode
  de: passwort kennwort zurücksetz
  es: contraseña clave$
  fr: mot_de_passe réinitial
  zh: 密码
locked
  en: locked blocked lock$ wrong_tries too_many
  de: gesperrt sperr blockiert zu_oft
  es: bloque
  fr: bloqu verrouill
  zh: 锁 冻结 被封
delete
  en: delet remove_my close_my erase get_rid_of_my
  de: lösch entfern schließ
  es: borrar elimin dar_de_baja cerrar
  fr: supprim effac clôtur fermer_mon
  zh: 删除 注销
newsletter
  en: newsletter unsubscrib advertis marketing mailing spam promo_mail opt_out stop_sending
  de: newsletter abmeld werbung werbemail werbe abbestell
  es: boletín suscri publicidad promocion correos_comerciales
  fr: newsletter désabonn désinscri publicit mails_pub
  zh: 退订 订阅 广告 推广 营销
warranty
  en: warrant guarantee covered cover$ covers$
  de: garantie gewährleist
  es: garant
  fr: garanti
  zh: 保修 质保 保固
wear
  en: wear$ worn wear_and_tear misuse used_up
  de: verschleiß abgenutz abnutz
  es: desgast mal_uso
  fr: usure usé
  zh: 磨损 磨破
repair
  en: repair fix$ fixed fixing mend$ zip seam buckle resol new_sole spare_p spare$ replacement_p
  de: repar reparat reißverschl naht flick besohl neue_sohle ersatzteil ersatzseg ersatzst
  es: repar arregl cremallera costura suela recambio repuesto
  fr: répar fermeture couture zip ressemel semelle rechange pièce_détachée
  zh: 维修 修理 修好 修吗 修一 拉链 换底 备件 备用 零件
stock
  en: stock sold_out available unavailable restock back_in when_again notify reserve hold$ set_aside put_aside gone$
  de: ausverkauft lieferbar verfügbar vorrätig nachschub reservier wieder_da benachricht
  es: agotad existencias disponib reserv reponer stock
  fr: rupture disponib épuis réserv stock réassort
  zh: 缺货 没货 补货 库存 卖完 预留 进货 有货
preorder
  en: pre-order preorder not_released not_out_yet upcoming
  de: vorbestell
  es: preventa reserva_anticip preped
  fr: précommand
  zh: 预订 预购
company
  en: school club company compan business bulk wholesale group_order association
  de: firma schule verein unternehmen großbestell
  es: empresa colegio club al_por_mayor
  fr: entreprise école club société en_gros
  zh: 公司 学校 团购 批量
contact
  en: contact reach phone telephone call_you ring_you e-mail email hotline opening chat support_hours customer_service
  de: kontakt erreich telefon anruf mail hotline chat kundenservice kundendienst
  es: contact teléfono telefono llamar correo horario chat atención
  fr: contact téléphon appeler joindre mail horaire chat service_client
  zh: 联系 电话 邮箱 客服 热线 在线
complaint
  en: complain unhappy terrible disappointed angry fed_up unacceptable awful
  de: beschwer unzufrieden enttäusch ärger reklam
  es: queja reclam descontent decepcion harto
  fr: plaint réclamation mécontent déçu
  zh: 投诉 不满 太差 失望
sustainable
  en: sustainab eco environment recycl pfas animal green$ chemical plastic
  de: nachhaltig umwelt recycel pfas tier
  es: sosteni ecológ recicl ambiente
  fr: durable écolog recycl environnement
  zh: 环保 回收 可持续
data
  en: personal_data my_data gdpr stored_about information_you data_export privacy
  de: daten dsgvo gespeichert auskunft
  es: datos rgpd
  fr: données rgpd
  zh: 数据 个人信息 隐私
fraud
  en: phish scam suspicious fraud fake sms spoof genuine
  de: betrug phishing verdächtig sms gefälscht
  es: phishing fraude sospechos estafa sms
  fr: hameçonn arnaque suspect fraude sms
  zh: 诈骗 钓鱼 可疑 短信 骗
wash
  en: wash clean detergent laundry machine softener dryer tumble
  de: wasch reinig weichspül trockner
  es: lava lavo$ limpi detergente suavizante secadora
  fr: lav nettoy lessive adoucissant sèche
  zh: 洗 清洁 柔顺剂 烘干
waterproof
  en: waterproof water_column rain hydrostatic repel proof dwr
  de: wasserdicht wassersäule imprägnier regen
  es: impermeab columna_de_agua lluvia
  fr: impermé étanch déperl pluie
  zh: 防水 防泼水 淋雨
weight
  en: weigh heavy weight grams how_light
  de: wieg gewicht schwer_ist wie_schwer gramm
  es: pesa peso$
  fr: pèse poids lourd
  zh: 多重 重量 克
temperature
  en: temperature degrees warm cold freez comfort
  de: temperatur grad warm kalt frost
  es: temperatura grados frío
  fr: températ degrés froid chaud
  zh: 温度 度 冷 保暖
colour
  en: colour color
  de: farbe
  es: color
  fr: couleur
  zh: 颜色
label
  en: label sticker
  de: etikett aufkleber
  es: etiqueta
  fr: étiquette
  zh: 标签
wrong_typed
  en: typed_the_wrong wrong_house wrong_address
  de: falsche_adresse falsche_hausnummer
  es: dirección_equivocada mal_el_número
  fr: mauvaise_adresse mauvais_numéro
  zh: 写错 填错
"""

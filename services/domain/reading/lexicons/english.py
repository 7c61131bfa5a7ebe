"""English words of claims, and of what is no claim. Phrases join their words with underscores."""

# ruff: noqa: E501 - a table is read by the line

from services.domain.reading.lexicon import Lexicon
from services.domain.reading.lexicons.english_known import KNOWN
from services.domain.reading.tags import Deed, Tag, Thing

_THINGS = {
    Thing.REFUND: "refund refunds reimbursement repayment money_back cash_back chargeback refund_request refund_requests"
    " partial_refund full_refund refund_amount reimbursements repayments moneyback",
    Thing.MONEY: "transfer bank_transfer payout payment_to_you money purchase_price amount amounts sum funds cash total price_difference difference euros euro quid bucks dollars"
    " pounds cents deposit",
    Thing.PAYMENT: "payment payments",
    Thing.CREDIT: "gift_card gift_cards store_credit store_credits shop_credit voucher vouchers gift_voucher gift_certificate credit_note credit"
    " credits e-voucher gift_code account_credit store-credit goodwill_credit credit_voucher shop_voucher",
    Thing.LABEL: "slip prepaid_slip label labels return_label return_labels shipping_label shipping_labels return_slip returns_label"
    " returns_labels qr_code qr_codes postage_label return_shipping_label return_form returns_form labelled_pdf"
    " prepaid_label return_docket returns_slip postage return_barcode dhl_label ups_label",
    Thing.REPLACEMENT: "replacement replacements replacement_order replacement_item replacement_unit substitute spare"
    " replacement_part replacement_parts spare_part spare_parts replacement_request replacement_requests",
    Thing.EXCHANGE: "exchange exchanges exchange_request swap exchange_order exchange_requests",
    Thing.RETURN: "return returns return_request return_requests rma return_process return_authorization"
    " return_authorisation return_case return_order returns_request rma_number return_number sending_back",
    Thing.ORDER: "order orders purchase subscription",
    Thing.CANCELLATION: "cancellation cancelation cancellation_request",
    Thing.ADDRESS: "address addresses delivery_address shipping_address delivery_details billing_address",
    Thing.EMAIL: "email emails e-mail e-mails mail message messages sms text_message",
    Thing.NOTICE: "confirmation confirmations instructions details tracking tracking_number tracking_link receipt invoice"
    " confirmation_email information info link pdf guide steps document documents paperwork notification copy code text",
    Thing.PHOTOS: "snaps snap shots pics photo photos picture pictures image images photograph photographs upload_link photo_request",
    Thing.PICKUP: "pickup pickups pick-up collection courier pick-ups reverse_pickup",
    Thing.PARCEL: "item items product products package parcel goods shipment delivery box unit article",
    Thing.NEW: "new another fresh second_one new_copy fresh_copy another_copy second_copy sound_copy new_one new_item new_unit new_product new_pair new_order fresh_one another_one new_parcel new_package"
    " new_set fresh_unit",
    Thing.CASE: "investigation inquiry enquiry case ticket complaint claim claims issue matter request requests dispute incident",
    Thing.DISCOUNT: "discount discounts coupon coupons promo_code discount_code promotional_discount compensation bonus"
    " points loyalty_points",
    Thing.BALANCE: "balance store_balance shop_balance account_balance",
    Thing.ACCOUNT: "account profile",
    Thing.NEUTRAL: "way_back inspection quality_check test review examination credit_card credit_cards in_order in_order_to product_label care_label"
    " email_address email_addresses e-mail_address size_label bank_details brand_label return_window return_policy"
    " refund_policy refund_policies return_policies returns_policy price_label refund_method payment_method"
    " payment_methods original_payment_method order_number order_id return_address address_label washing_label refund_button return_portal returns_portal refund_section refund_page return_center refund_option returns_team refunds_team returns_department refund_department refund_team refund_form returns_page refund_status_page decision exception assessment"
    " label_in_the_collar order_date order_confirmation_number no_money delivery_date delivery_status label_on_the"
    " shipping_label_on_the record_label return_center return_centre returns_centre returns_center warning_label"
    " delivery_service shipping_costs return_period exchange_rate in_return many_happy_returns refund_reason"
    " order_status return_reason amount_of_time delivery_day by_return refund_window mailing_list product_page"
    " return_conditions return_costs delivery_note delivery_time order_history purchase_date total_price"
    " order_total order_details",
}

_DONE = {
    Deed.REFUND: "refunded reimbursed repaid paid_back paid_you_back given_back gave_back given_you_back compensated indemnified"
    " gave_you_back refund3d re-funded",
    Deed.PAID: "paid returned released",
    Deed.PAY: "paid_it_out paid_it_back paid_them_back paid_that_back paid_it_all_back sent_it_back_to_your credited transferred wired deposited remitted returned_the_money sent_back_the_money"
    " returned_your_money sent_your_money_back paid_out payed recredited re-credited",
    Deed.SEND: "sent sended forwarded_to_you delivered_to_your_inbox passed_to_you sent_out sent_off sent_over resent"
    " re-sent provided supplied shared given gave texted handed sent_across slipped popped fired_off fired_over pinged whizzed",
    Deed.EMAIL: "emailed e-mailed mailed messaged",
    Deed.SHIP: "picked_up_by collected_by shipped dispatched despatched posted reshipped re-shipped couriered sent_back_out sent_again"
    " reordered re-ordered packed left_our_warehouse left_the_warehouse left_our_depot handed_to_the_courier",
    Deed.CREATE: "created generated issued prepared printed produced drawn_up raised made re-issued reissued granted"
    " cut",
    Deed.START: "started initiated opened registered set_up set_off pushed taken_place took_place i_did we_did arranged booked scheduled logged submitted requested filed"
    " triggered begun began commenced launched kicked_off placed set_in_motion put_in lodged rescheduled organised"
    " organized ordered_you actioned instructed authorized_and_sent instigated entered set_it_up recorded queued",
    Deed.COMPLETE: "processed completed finalised finalized done handled sorted executed finished gone_out went_out happened made_that_happen made_it_happen put_through gone_through"
    " went_through taken_care_of took_care_of settled concluded pushed_through carried_out resolved solved dealt_with"
    " sorted_out fulfilled effected cleared expedited rushed_through seen_to got_through come_through came_through fixed"
    " arranged_for wrapped_up tied_up closed approved_and_processed ran run put_it_through squared_away",
    Deed.CANCEL: "cancelled canceled called_off voided annulled revoked withdrawn withdrew stopped aborted scrapped"
    " rescinded",
    Deed.CHANGE: "taken_out_of taken_off_your updated changed modified corrected amended edited adjusted switched altered redirected rerouted"
    " re-routed replaced_the_address",
    Deed.EXCHANGE: "exchanged swapped traded",
    Deed.REPLACE: "replaced substituted",
    Deed.ADD: "added applied loaded topped_up put placed_on_your_account reinstated",
    Deed.ESCALATE: "escalated forwarded passed_on passed handed_over referred alerted notified contacted"
    " informed transferred_you removed deleted blocked unsubscribed restocked removed_from raised_it upgraded extended",
    Deed.ASK: "asked",
    Deed.WAIVE: "waived reversed lifted knocked_off written_off written_it_off",
    Deed.ATTACH: "attached enclosed included",
    Deed.MARK: "marked flagged tagged prioritised prioritized",
    Deed.UNKNOWN: "ordered took brought left went came flew hit landed rolled flowed jumped dropped made_it found_its_way put_things_right",
}

_ING = {
    Deed.REFUND: "refunding reimbursing repaying paying_back paying_you_back giving_you_back",
    Deed.PAY: "crediting transferring wiring depositing returning_your_money returning_the_money",
    Deed.SEND: "sending resending sending_out sending_over forwarding_to_you",
    Deed.EMAIL: "emailing e-mailing mailing",
    Deed.SHIP: "shipping dispatching despatching posting reshipping packing",
    Deed.CREATE: "creating generating issuing preparing printing releasing making raising",
    Deed.START: "starting initiating opening registering setting_up arranging booking scheduling logging submitting"
    " requesting filing triggering placing putting_in organising organizing actioning",
    Deed.COMPLETE: "processing completing finalising finalizing putting_through pushing_through executing handling sorting"
    " expediting taking_care_of dealing_with sorting_out",
    Deed.CANCEL: "cancelling canceling voiding withdrawing",
    Deed.CHANGE: "updating changing modifying correcting amending switching rerouting redirecting",
    Deed.EXCHANGE: "exchanging swapping",
    Deed.REPLACE: "replacing",
    Deed.ADD: "adding applying loading putting",
    Deed.ESCALATE: "escalating forwarding passing passing_on",
    Deed.WAIVE: "waiving reversing",
    Deed.ASK: "asking",
}

_BASE = (
    "cancel send issue process create generate initiate start arrange book schedule submit open register set_up put"
    " email_you apply add update change modify correct replace exchange_it swap_it ship dispatch transfer pay"
    " reimburse finalise finalize handle organise organize raise forward escalate give get make let"
    " sort prepare print provide proceed pass_on expedite do offer help assist receive return_it refund_it refund_you"
    " place request_a credit_your authorise authorize waive settle"
)

_SAFE = (
    "checked reviewed read looked seen saw found located verified authenticated confirmed received noted understood"
    " approved accepted decided yours correct determined examined assessed inspected considered compared identified noticed heard"
    " learned thanked apologised apologized explained mentioned discussed told said stated written wrote described"
    " delayed denied declined rejected refused failed bounced expired missed lost bought purchased arrived"
    " delivered occurred gone missing lacking remaining existing wanted liked hoped tried attempted looked_at looked_into gone_through_your"
    " read_through worried helped learnt taken_a_look had_a_look took_a_look taken_another_look taken_a_closer_look had_another_look been_through passed_to_me taken_into_account got_your got_the heard_back gotten_back went_through_your came_in came_with came_inside came_across went_over came_back went_missing went_wrong left_a left_the left_your left_on reported opened_your_order opened_your_account opened_the opened_your made_sure made_a_mistake made_an_error made_the_mistake made_an_exception opened_or_not costs cost deducted stopped_working stopped_charging stopped_turning has_stopped ordered_the_wrong ordered_from lapsed ended elapsed stayed remained existed appeared turned_out proved seemed sounded depended asked_for asked_about raised_with taken_note made_a_note"
    " made_note broken damaged cracked chipped opened_the used worn needed based possible important due open different free valid responsible small required limited entitled allowed"
    " authorised authorized linked listed shown outlined provided_us sent_us sent_me sent_in shared_with_us"
    " provided_by_you attempted tracked scanned evaluated concerned interested pleased disappointed"
    " covered offered expected supposed selected chosen picked excluded agreed spoken talked called investigated checked_in"
    " looked_over gone_over studied known thought felt meant tested searched matched satisfied finished_reviewing"
    " completed_the_review completed_my_review completed_our_review finished_checking"
    " closed_for returned_within opened_it caused promised"
)

ENGLISH = Lexicon(
    "en",
    {
        **{(Tag.THING, thing): words for thing, words in _THINGS.items()},
        (
            Tag.SETTLED,
            "",
        ): "all_set all_sorted all_done all_taken_care_of consider_it_done consider_it_sorted good_to_go"
        " consider_it_handled job_done everything_is_sorted everything_is_done everything's_sorted"
        " everything_is_taken_care_of that's_that that's_done you're_covered all_wrapped_up all_squared_away"
        " done_and_dusted sorted_for_you consider_this_done everything_has_been_sorted all_sorted_out"
        " nothing_more_for_you_to_do everything_is_in_place everything_is_set all_fixed sorted_on_our_end"
        " all_handled that's_you_sorted you're_sorted consider_that_done consider_it_refunded wheels_are_in_motion"
        "  everything_went_through all_in_order all_settled it's_done it's_sorted its_done mission_accomplished"
        " everything_is_handled everything's_done everything's_taken_care_of everything's_set consider_this_handled"
        " consider_this_sorted consider_that_sorted that's_sorted that's_taken_care_of",
        **{(Tag.DONE, deed): words for deed, words in _DONE.items()},
        **{(Tag.ING, deed): words for deed, words in _ING.items()},
        (Tag.BASE, ""): _BASE,
        (Tag.PAST_SAFE, ""): _SAFE,
        (Tag.HAVE, ""): "have has 've having ive weve had 's_already_been 's_been 's_now_been",
        (Tag.BE, ""): "is are am 's 're 'm im gets",
        (Tag.WAS, ""): "was were got",
        (Tag.BEEN, ""): "been gotten be",
        (Tag.BEING, ""): "being",
        (Tag.FUTURE, ""): "will 'll shall going_to gonna about_to youll itll plan_to intend_to planning_to set_to"
        " due_to_be scheduled_to_be yet_to_be to_be ready_to_be waiting_to_be would 'd expects_to aim_to i'll we'll",
        (Tag.MODAL, ""): "can could may might should must need needs able unable cannot let_'s lets happy_to glad_to let_me allow_me"
        " want wants wish like_to love_to try trying hope hoping let_us need_to have_to has_to able_to ought able_to_be"
        " eligible_to_be needs_to_be want_to_be entitled_to_be request_to_be ask_to_be asking_to_be due_for",
        (Tag.TO, ""): "to",
        (Tag.NOT, ""): "not n't never no neither nor none without nothing no_longer instead_of rather_than hasn't"
        " haven't isn't wasn't weren't aren't don't doesn't didn't won't can't couldn't wouldn't shouldn't cannot"
        " it_is_n't_true it_is_not_true not_true_that untrue nobody no_one yet_to doubt refused_to failed_to unable_to forgot_to declined_to",
        (Tag.IF, ""): "if unless until till whether in_case provided_that assuming should_you as_long_as as_soon_as"
        " by_the_time before wherever whenever subject_to depending_on once upon provided even_if otherwise only_if"
        " only_when only_once only_after supposing on_receipt_of in_the_event",
        (Tag.WHEN, ""): "when after the_day the_moment the_minute",
        (Tag.THAT, ""): "that which who",
        (Tag.RECORDS, ""): "i_see i_can_see i_notice we_see we_can_see it_appears it_seems it_looks_like records_show"
        " records_indicate our_records according_to_the_system according_to_our according_to_the based_on_our"
        " system_shows system_indicates upon_review upon_reviewing found_a_record history_shows the_status_of"
        " current_status tracking_shows courier_says carrier_says looks_like order_history it_seems_that"
        " i_found_that system_says i_could_see the_log_shows notes_show seems_to appears_to my_records your_account_shows our_system_shows"
        " the_current_status",
        (Tag.SAID, ""): "i_hope we_hope hopefully i_assume we_assume i_trust you_said you_say you_wrote you_mentioned you_told you_claim you_state you_stated you_asked"
        " you_asked_whether you_report you_reported you_believe you_think you_ask you_want you_were_told you_describe"
        " you_mention your_message_says you_note you_quoted in_your_words you_asked_if"
        " your_email_says you_were_promised you_assume you_expected you_thought you_heard you_request you_wish"
        " your_request_that your_question",
        (Tag.US, ""): "i we i've_personally myself us_we",
        (Tag.YOU, ""): "you customer customers people shoppers sender",
        (Tag.THEY, ""): "team warehouse colleague colleagues system department bank he she they manager staff logistics"
        " carrier supplier seller driver office accounts finance partner agent desk depot supervisor depot nightshift",
        (Tag.IT, ""): "it this these those everything both them all",
        (Tag.NOW, ""): "now already hereby just successfully fully finally officially currently immediately"
        " right_now at_this_moment this_morning today this_afternoon as_we_speak a_moment_ago minutes_ago a_minute_ago"
        " earlier_today as_promised at_the_moment moments_ago meanwhile presently a_few_minutes_ago an_hour_ago"
        " straight_away right_away as_of_now this_minute this_instant effective_immediately on_the_spot instantly",
        (Tag.ADVERB, ""): "also therefore then ever since indeed personally kindly gladly additionally"
        " however promptly here so only in_the_meantime in_full in_part accordingly separately manually automatically"
        " directly duly always as_requested as_discussed as_agreed of_course thus even still properly safely"
        " of_us too really actually as_you_asked as_you_wish as_you_wished as_you_requested as_you_said as_you_wanted as_you_like happily simply quickly since_then for_you on_our_end on_our_side"
        " in_the_middle_of in_the_process_of busy could_n't_be_happier no_problem no_worries not_to_worry without_further_ado no_wonder not_only never_fear"
        " once_more once_again again partially completely entirely today's electronically internally gone_ahead_and went_ahead_and"
        " at_once provisionally as_well definitely certainly clearly",
        (Tag.LATER, ""): "tomorrow soon shortly later next_week next_month within up_to monday tuesday wednesday thursday"
        " friday saturday sunday in_the_coming in_due_course as_soon_as_possible eventually the_next_few in_a_few"
        " in_the_next by_tomorrow in_a_moment in_the_near_future the_following_day next",
        (Tag.BEFORE, ""): "previously last_week last_month last_year yesterday earlier_this last_time in_the_past"
        " formerly years_ago months_ago weeks_ago days_ago before_you_wrote before_you_contacted back_then",
        (Tag.PREPOSITION, ""): "for of from following about regarding concerning with on in at under per by into onto as like"
        " via through against because_of thanks_to due_to despite besides over including without_any",
        (Tag.DET, ""): "a an the said",
        (Tag.POSSESSIVE, ""): "ur your our my his her their its this_one",
        (Tag.ANY, ""): "whoever any every each usually generally normally typically policy policies clause terms eligible"
        " conditions rule rules p-7 in_such_cases often sometimes faq standard_procedure always_be automatically_be"
        " typical whichever whatever most many some general",
        (Tag.AND, ""): "and & or plus or then_we as_well_as nor_have",
        (Tag.BUT, ""): "but however while whereas although though because since so_that",
        (Tag.PLACE, ""): "in_your_inbox in_the_inbox in_your_email in_your_e-mail in_your_mailbox on_its_way on_the_way"
        " on_their_way under_way underway in_the_post in_the_mail back_in_your_account back_on_your_card"
        " back_on_your_account in_your_account on_your_account heading_your_way en_route in_transit waiting_for_you"
        " ready_to_print ready_to_download ready_for_you ready_for_download available_for_download in_progress"
        " in_process in_the_works on_your_card in_your_wallet heading_back in_your_bank_account on_route"
        " out_for_delivery successful thru on_your_statement back_on_your_statement making_its_way 's_there makes_its_way with_the_courier coming_your_way headed_your_way winging_its_way in_hand in_your_mail"
        " at_the_bottom_of_this in_this_email in_the_email in_the_e-mail in_that_email in_the_mail_we in_your_spam in_motion back_with_you on_its_merry_way in_the_pipeline"
        " ready live active complete through below attached enclosed in_place effective in_your_hands in_the_bag"
        " with_your_bank up_and_running being_worked_on in_your_junk on_your_profile under_this_link going_out"
        " in_your_name headed_back off_to_you with_you in_your_messages on_your_balance back_to_you in_your_favour"
        " in_your_pocket back_in_your_pocket linked_below back",
        (Tag.FIND, ""): "notice find see view download print access open_it locate retrieve grab collect use check scan reach",
        (Tag.ASSERT, ""): "confirm_that confirm can_confirm confirm_to_you pleased_to_say happy_to_say glad_to_say tell_you_that"
        " inform_you_that inform_you let_you_know_that rest_assured rest_assured_that please_note note_that please_note_that"
        " hear_that know_that say_that to_say_that advise_you_that be_advised_that assure_you assure_you_that see_that"
        " to_say as_you_will_see aware_that delighted_to_say tell_you you_that report_that pleased_to_report good_news great_news",
        (Tag.WHAT, ""): "what why how where when_will who which_one do does did",
        (Tag.NUMBER, ""): "two three four five six seven eight nine ten twelve twenty several few",
        (Tag.TICK, ""): "✔ urllink [x] ok",
        (Tag.CROSS, ""): "✘ ⌛ pending todo tbd awaiting unavailable unsuccessful pending_approval not_yet outstanding",
    },
    stems=[
        (r"(?:re)?imburs\w*ed", (Tag.DONE, Deed.REFUND)),
        (r"un\w+ed", (Tag.PAST_SAFE, "")),
        (r"\w+ly", (Tag.ADVERB, "")),
    ],
    hints="the is are was have has been you your our we to and of for with this that it will not be on in please"
    " can an by if from i my thank thanks at as been now all done sent refund refunded label order item issued created",
    known=KNOWN,
    number_words={
        "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
        "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
        "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60,
        "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000,
    },
    currencies={
        "euro": "EUR", "euros": "EUR", "dollar": "$", "dollars": "$", "bucks": "$", "pound": "GBP", "pounds": "GBP",
        "quid": "GBP", "francs": "CHF", "kronor": "SEK", "kroner": "kr", "zloty": "PLN", "pence": "GBP/100",
        "cents": "/100", "yen": "JPY",
    },
)  # fmt: skip

package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/submsg/submsg/internal/channel/wechat/fields"
	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

// The users of the story. Only the first has accepted messages.
const (
	subscriber = "oABCD5EFgh1JKlmnOPqrStuVwxYz"
	stranger   = "oZYXw5VUts1RQponMLkjIhgFedCb"
)

// scene is a part of the story: statements that are shown and run, and what must come of them.
type scene struct {
	title explain.Text
	sql   []string
	want  map[int64]outbox.Status // messages by id, and what each comes to
	text  string                  // what the sendStatusMsg of all of them must hold
}

var scenes = []scene{
	{
		title: explain.Text{
			ZH: "应用按两个模板各插入一条消息，仅此而已。",
			EN: "An application inserts a message from each template. That is all it does.",
		},
		sql: []string{
			`INSERT INTO subMsgList (openid, templateId, parameterArr)
VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'AcxnCbDhMKA0bunvuvBa5RJT-OkxmfZfDPB_mTvirxw',
        ARRAY['张三', 'VIP20211128001', '100', '356.5', '感谢您的支持'])`,
			`INSERT INTO subMsgList (openid, templateId, parameterArr)
VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'orderStatus', ARRAY['生椰拿铁', '19.9', '已发货', '预计明日送达'])`,
		},
		want: map[int64]outbox.Status{1: "success", 2: "success"},
	},
	{
		title: explain.Text{
			ZH: "管理员修改订单：不勾选通知则不发送。",
			EN: "An administrator edits an order: nothing happens until the notify flag is set.",
		},
		sql: []string{
			`INSERT INTO orders (openid, name, cardNumber, payMoney, balance, remark, status)
VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', '张三', 'VIP20211128001', 100, 356.5, '感谢您的支持', '充值中')`,
			`UPDATE orders SET remark = '改备注,不通知' WHERE id = 1`,
			`UPDATE orders SET status = '充值成功', isSendMsg = true WHERE id = 1`,
		},
		want: map[int64]outbox.Status{3: "success"},
	},
	{
		title: explain.Text{
			ZH: "参数有误：失败原因写在该行 …",
			EN: "A bad value fails with the reason in the row …",
		},
		sql: []string{
			`INSERT INTO subMsgList (openid, templateId, parameterArr)
VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'orderStatus', ARRAY['冰美式', '十九块九', '已发货', '谢谢'])`,
		},
		want: map[int64]outbox.Status{4: "fail"}, text: "goodsPrice",
	},
	{
		title: explain.Text{
			ZH: "… 管理员改正后即发出。",
			EN: "… and goes out when an administrator has fixed it.",
		},
		sql: []string{
			`UPDATE subMsgList SET parameterArr[2] = '19.9', sendStatus = 'wait' WHERE id = 4`,
		},
		want: map[int64]outbox.Status{4: "success"},
	},
	{
		title: explain.Text{
			ZH: "用户从未授权此类消息。",
			EN: "A user who never accepted this kind of message.",
		},
		sql: []string{
			`INSERT INTO subMsgList (openid, templateId, parameterArr)
VALUES ('oZYXw5VUts1RQponMLkjIhgFedCb', 'orderStatus', ARRAY['生椰拿铁', '19.9', '已发货', '谢谢'])`,
		},
		want: map[int64]outbox.Status{5: "fail"}, text: "43101",
	},
	{
		title: explain.Text{
			ZH: "模板不存在。",
			EN: "A template that doesn't exist.",
		},
		sql: []string{
			`INSERT INTO subMsgList (openid, templateId, parameterArr)
VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'orderStatsu', ARRAY['生椰拿铁'])`,
		},
		want: map[int64]outbox.Status{6: "fail"}, text: "orderStatus",
	},
	{
		title: explain.Text{
			ZH: "三秒后才发送的消息。",
			EN: "A message for three seconds later.",
		},
		sql: []string{
			`INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter)
VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'orderStatus', ARRAY['生椰拿铁', '19.9', '待取餐', '请到前台'], now() + interval '3 s')`,
		},
		want: map[int64]outbox.Status{7: "success"},
	},
	{
		title: explain.Text{
			ZH: "及时取消的消息。",
			EN: "A message that is called off in time.",
		},
		sql: []string{
			`INSERT INTO subMsgList (openid, templateId, parameterArr, sendAfter)
VALUES ('oABCD5EFgh1JKlmnOPqrStuVwxYz', 'orderStatus', ARRAY['生椰拿铁', '19.9', '待付款', '请付款'], now() + interval '1 hour')`,
			`UPDATE subMsgList SET sendStatus = 'cancel' WHERE id = 8`,
		},
		want: map[int64]outbox.Status{8: "cancel"},
	},
}

// received is what WeChat must have at the end, in order: the message's parameters say which is which.
var received = []string{
	"vipPaySuccess 感谢您的支持", "orderStatus 预计明日送达", "vipPaySuccess 改备注,不通知", "orderStatus 谢谢", "orderStatus 请到前台",
}

// tell plays the story and returns what didn't come out as told.
func (s *stage) tell(ctx context.Context) error {
	for n, scene := range scenes {
		s.Out.Line("")
		s.Out.Title(fmt.Sprintf("%d. %s", n+1, scene.title.In(s.tongue)))
		for _, sql := range scene.sql {
			s.Out.Text("\n    " + strings.ReplaceAll(sql, "\n", "\n    ") + ";")
			if _, err := s.pool.Exec(ctx, sql); err != nil {
				return fmt.Errorf("scene %d: %w", n+1, err)
			}
		}
		s.Out.Line("")
		if err := s.watch(ctx, scene); err != nil {
			return fmt.Errorf("scene %d: %w", n+1, err)
		}
	}
	if err := s.verify(ctx); err != nil {
		return err
	}
	s.say(explain.DemoWords.Done, len(received))
	return nil
}

// verify compares what the rows don't tell: the fake's ledger, the order's flag, the schedule.
func (s *stage) verify(ctx context.Context) error {
	var got []string
	for _, m := range s.wechat.Sent() {
		t, _ := fields.Shipped().Find(m.TemplateID)
		got = append(got, t.Name+" "+m.Data[t.Fields[len(t.Fields)-1].Key])
	}
	if !slices.Equal(got, received) {
		return fmt.Errorf("WeChat received %q, not %q", got, received)
	}
	var early, flag bool
	const sql = `SELECT (SELECT sendTime < sendAfter FROM subMsgList WHERE id = 7), (SELECT isSendMsg FROM orders WHERE id = 1)`
	err := s.pool.QueryRow(ctx, sql).Scan(&early, &flag)
	if err != nil {
		return err
	}
	if early || flag {
		return fmt.Errorf("message 7 sent too early: %t; the order's flag still set: %t", early, flag)
	}
	return nil
}

// patience is for slow machines; what the story waits for takes milliseconds.
const patience = 30 * time.Second

// watch shows the scene's messages until each has come to its status.
func (s *stage) watch(ctx context.Context, scene scene) error {
	var ids []int64
	for id := range scene.want {
		ids = append(ids, id)
	}
	deadline := time.Now().Add(patience)
	for {
		rows, err := s.messages(ctx, ids)
		if err != nil {
			return err
		}
		done := len(rows) == len(ids)
		for _, m := range rows {
			done = done && m.Status == scene.want[m.ID] && strings.Contains(m.Text, scene.text)
		}
		s.draw(rows, done)
		switch {
		case done:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("messages %v should be %v", rows, scene.want)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The screens are DESIGN's, to the letter.
func TestScreensAreRead(t *testing.T) {
	cases := []struct {
		screen string
		want   answer
	}{
		{
			"Sent BBD 1,050.00 to Andre C.\nFee 1.00\nBalance 149.00\nRef 7K3M9Q\nSMS receipt follows",
			answer{Means: meansDone, Receipt: "7K3M9Q", Amount: 1_050_00, Fee: 1_00},
		},
		{
			"Oistins Corner Shop pays you BBD 5.07\nFee 1.00\nBalance 149.00\nRef 7K3M9Q\nSMS receipt follows",
			answer{Means: meansDone, Receipt: "7K3M9Q", Amount: 5_07, Fee: 1_00},
		},
		{
			"PAY CASH BBD 100.00\nto Marcia B.\nFloat 900.00\nRef 7K3M9Q\nSMS receipt follows",
			answer{Means: meansDone, Receipt: "7K3M9Q", Amount: 100_00},
		},
		{
			"Code 483 920\nfor BBD 100.00, fee 1.00\nUse before 14:30\nTell it only to the agent who pays you\nSMS follows",
			answer{Means: meansDone, Code: "483 920", Amount: 100_00, Fee: 1_00},
		},
		{
			"SENT 10:31: 50.00 to Andre C. Ref 7K3M9Q\nNova\n1 Send money\n2 Withdraw cash\n3 Pay\n4 Savings and credit\n5 My account",
			answer{Means: meansDone, Receipt: "7K3M9Q", Amount: 50_00},
		},
		{
			"CASH OUT 10:31: 50.00 to Andre C. Ref 7K3M9Q\nOistins Corner Shop\n1 Cash in\n2 Cash out",
			answer{Means: meansDone, Receipt: "7K3M9Q", Amount: 50_00},
		},
		{"NOT SENT: 50.00 to Andre C.\n9 Continue\nNova\n1 Send money", answer{Means: meansWaiting, Amount: 50_00}},
		{"WAIT FOR OUR SMS: 50.00 Andre C.\nNova\n1 Send money", answer{Means: meansOpen, Amount: 50_00}},
		{"Wait for our SMS. Do not send again.", answer{Means: meansOpen}},
		{"Nothing was sent. Dial again. Ref 7K3M9Q", answer{Means: meansNothing}},
		{"We could not finish. Dial again to see if it was done. Ref 7K3M9Q", answer{Means: meansLost}},
		{"Nova is busy. Please dial again. Ref 7K3M9Q", answer{Means: meansLost}},
		{"Please dial again.", answer{Means: meansLost}},
		{"Not enough money\nTo Andre C.\nEnter the amount in BBD\n0 Back\n00 Home", answer{Means: meansRefused}},
		{"You have a code for BBD 9.00, good until 14:30\n1 Show it\n2 Cancel it", answer{Means: meansLive, Amount: 9_00}},
		{
			"Already sent 10:31\nSend BBD 50.00\nto Andre C. 246 250 1002\nFee 1.00 Total 51.00\nEnter PIN to send\n0 Back\n00 Home",
			answer{Means: meansAsk, Amount: 50_00, Fee: 1_00},
		},
		{
			"Cash out BBD 9.00\nfor Marcia B. 246 250 1001\nFee 1.00\nEnter your PIN\n0 Back\n00 Home",
			answer{Means: meansAsk, Amount: 9_00, Fee: 1_00},
		},
		{"Show the code for BBD 9.00\nEnter PIN\n0 Back\n00 Home", answer{Means: meansAsk, Amount: 9_00}},
		{"Nova\n1 Send money\n2 Withdraw cash", answer{Means: meansHome}},
		{"status 401: {}", answer{Means: meansStrange}},
	}
	for _, c := range cases {
		t.Run(c.screen, func(t *testing.T) {
			c.want.Text = c.screen
			require.Equal(t, c.want, read(c.screen, false))
		})
	}
}

package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/switchhook/switchhook/api/client"
)

// tenantCodes lists message QR codes. What they say is shown: the operator asks for it.
func (a *app) tenantCodes() *cobra.Command {
	return a.onTenant("codes NAME", "show its message QR codes",
		"Shows the message QR codes of a tenant, the newest first. SCANS are those of the revision, IN ALL those of all\n"+
			"revisions. With --json messages and numbers are whole, and the revisions before are there with their scans.",
		"tenant codes acme", func(ctx context.Context, cl *client.Client, args []string) error {
			all, err := cl.TenantQRDLs(ctx, args[0])
			if err != nil || a.json {
				return a.either(all, err)
			}
			if len(all) == 0 {
				return a.say("%s has no message QR code.", args[0])
			}
			rows := [][]string{{"CODE", "NUMBER", "REVISION", "SCANS", "IN ALL", "IMAGE", "UPDATED", "MESSAGE", "LINK"}}
			for _, q := range all {
				rows = append(rows, []string{
					q.Code, mask(q.Number), strconv.Itoa(q.Revision), strconv.FormatInt(q.Scans, 10), strconv.FormatInt(q.Total, 10),
					q.Image, moment(q.UpdatedAt), quoted(clip(q.Message, 18)), q.Link,
				})
			}
			return a.table(rows...)
		})
}

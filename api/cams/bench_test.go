package cams

import "testing"

// BenchmarkVerify measures how long the proof of a call takes, of each way of signing: the
// vectors that the vendor's libraries have signed, verified one after the other.
func BenchmarkVerify(b *testing.B) {
	for _, way := range []struct {
		name string
		v3   bool
	}{{"V3", true}, {"V1", false}} {
		var vs []vector
		for _, v := range vectors(b) {
			if v.isV3() == way.v3 {
				vs = append(vs, v)
			}
		}
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				v := &vs[n%len(vs)]
				if _, err := verify(v.call(), v.Now, v.find); err != nil {
					b.Fatal(err)
				}
				n++
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

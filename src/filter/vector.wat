;; The loops over samples that take longest in JavaScript, in vector instructions. They give the bits that the JavaScript
;; beside them gives, so a trend cannot depend on which ran: all move bits but `divide`, and a division rounds once. `npm
;; run wat` makes vectorModule.ts of this.
(module
  (import "grid" "memory" (memory 1))

  ;; Where among the rows, as a bit: 31 for all from 31 on.
  (func $rowBits (param $bits i32) (param $row i32) (result i32)
    (if (result i32) (i32.le_u (local.get $row) (i32.const 28))
      (then (i32.shl (local.get $bits) (local.get $row)))
      (else
        (if (result i32) (i32.eqz (local.get $bits))
          (then (i32.const 0))
          ;; Of rows 29 … 34 some have bits of their own; then one too many is looked at.
          (else (i32.const 0xe0000000))))))

  ;; `interleave` of rows.ts for blocks of 4, 8 and 16 channels, four by four samples at a time.
  (func (export "interleave")
    (param $width i32) (param $count i32)
    ;; The first sample, and bytes from one channel to the next.
    (param $source i32) (param $channel i32)
    ;; The first row, and bytes from one row to the next.
    (param $target i32) (param $stride i32)
    ;; Rows with magnitudes from 2^100 on, NaN and infinities among them.
    (result i32)
    (local $odd i32) (local $row i32) (local $to i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local $p v128) (local $q v128) (local $r v128) (local $s v128)
    (local $pq v128) (local $rs v128) (local $PQ v128) (local $RS v128)
    (local $large v128) (local $magnitude v128) (local $limit v128)
    (local $sample i32) (local $lane i32) (local $end i32)
    (local.set $magnitude (v128.const i32x4 0x7fffffff 0x7fffffff 0x7fffffff 0x7fffffff))
    (local.set $limit (v128.const i32x4 0x71800000 0x71800000 0x71800000 0x71800000))
    (local.set $end (i32.and (local.get $count) (i32.const -4)))
    (loop $four
      (local.set $a (local.get $source))
      (local.set $b (i32.add (local.get $a) (local.get $channel)))
      (local.set $c (i32.add (local.get $b) (local.get $channel)))
      (local.set $d (i32.add (local.get $c) (local.get $channel)))
      (local.set $to (local.get $target))
      (local.set $row (i32.const 0))
      (block $rowsDone
        (loop $rows
          (br_if $rowsDone (i32.ge_u (local.get $row) (local.get $end)))
          (local.set $p (v128.load align=4 (local.get $a)))
          (local.set $q (v128.load align=4 (local.get $b)))
          (local.set $r (v128.load align=4 (local.get $c)))
          (local.set $s (v128.load align=4 (local.get $d)))
          ;; All ones where one of the four channels has a magnitude of 2^100 or more: compared as integers, so that NaN
          ;; and infinities are the largest.
          (local.set $large
            (i32x4.ge_s
              (i32x4.max_s
                (i32x4.max_s
                  (v128.and (local.get $p) (local.get $magnitude))
                  (v128.and (local.get $q) (local.get $magnitude)))
                (i32x4.max_s
                  (v128.and (local.get $r) (local.get $magnitude))
                  (v128.and (local.get $s) (local.get $magnitude))))
              (local.get $limit)))
          (if (v128.any_true (local.get $large))
            (then
              (local.set $odd
                (i32.or (local.get $odd)
                  (call $rowBits (i32x4.bitmask (local.get $large)) (local.get $row))))))
          ;; p0 q0 p1 q1, r0 s0 r1 s1 and their upper halves
          (local.set $pq (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $p) (local.get $q)))
          (local.set $rs (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $r) (local.get $s)))
          (local.set $PQ (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $p) (local.get $q)))
          (local.set $RS (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $r) (local.get $s)))
          (v128.store align=4 (local.get $to)
            (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $pq) (local.get $rs)))
          (local.set $to (i32.add (local.get $to) (local.get $stride)))
          (v128.store align=4 (local.get $to)
            (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $pq) (local.get $rs)))
          (local.set $to (i32.add (local.get $to) (local.get $stride)))
          (v128.store align=4 (local.get $to)
            (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $PQ) (local.get $RS)))
          (local.set $to (i32.add (local.get $to) (local.get $stride)))
          (v128.store align=4 (local.get $to)
            (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $PQ) (local.get $RS)))
          (local.set $to (i32.add (local.get $to) (local.get $stride)))
          (local.set $a (i32.add (local.get $a) (i32.const 16)))
          (local.set $b (i32.add (local.get $b) (i32.const 16)))
          (local.set $c (i32.add (local.get $c) (i32.const 16)))
          (local.set $d (i32.add (local.get $d) (i32.const 16)))
          (local.set $row (i32.add (local.get $row) (i32.const 4)))
          (br $rows)))
      (block $restDone
        (loop $rest
          (br_if $restDone (i32.ge_u (local.get $row) (local.get $count)))
          (local.set $p
            (i32x4.replace_lane 3
              (i32x4.replace_lane 2
                (i32x4.replace_lane 1
                  (v128.load32_zero (local.get $a))
                  (i32.load (local.get $b)))
                (i32.load (local.get $c)))
              (i32.load (local.get $d))))
          (v128.store align=4 (local.get $to) (local.get $p))
          (if (v128.any_true (i32x4.ge_s (v128.and (local.get $p) (local.get $magnitude)) (local.get $limit)))
            (then
              (local.set $odd (i32.or (local.get $odd) (call $rowBits (i32.const 1) (local.get $row))))))
          (local.set $to (i32.add (local.get $to) (local.get $stride)))
          (local.set $a (i32.add (local.get $a) (i32.const 4)))
          (local.set $b (i32.add (local.get $b) (i32.const 4)))
          (local.set $c (i32.add (local.get $c) (i32.const 4)))
          (local.set $d (i32.add (local.get $d) (i32.const 4)))
          (local.set $row (i32.add (local.get $row) (i32.const 1)))
          (br $rest)))
      (local.set $source (i32.add (local.get $source) (i32.shl (local.get $channel) (i32.const 2))))
      (local.set $target (i32.add (local.get $target) (i32.const 16)))
      (local.set $lane (i32.add (local.get $lane) (i32.const 4)))
      (br_if $four (i32.lt_u (local.get $lane) (local.get $width))))
    (local.get $odd))

  ;; Copies rows of `width` cells that lie one behind the other to rows `stride` bytes apart.
  (func (export "spread")
    (param $width i32) (param $count i32) (param $source i32) (param $target i32) (param $stride i32)
    (local $end i32) (local $to i32)
    (local.set $width (i32.shl (local.get $width) (i32.const 2)))
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $end (i32.add (local.get $source) (local.get $width)))
        (local.set $to (local.get $target))
        (loop $four
          (v128.store align=4 (local.get $to) (v128.load align=4 (local.get $source)))
          (local.set $to (i32.add (local.get $to) (i32.const 16)))
          (local.set $source (i32.add (local.get $source) (i32.const 16)))
          (br_if $four (i32.lt_u (local.get $source) (local.get $end))))
        (local.set $target (i32.add (local.get $target) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $row))))

  ;; Takes what is missing out of rows: 0 in its place, a mask of 0 and 1, and a bit for each channel of a row. Rows of
  ;; samples and of the mask lie `stride` bytes apart, bits are 16-bit integers.
  (func (export "mark")
    (param $width i32) (param $count i32)
    (param $rows i32) (param $mask i32) (param $stride i32) (param $bits i32)
    ;; 1 where anything is missing, 2 where a magnitude is 2^100 or more and finite, or both.
    (result i32)
    (local $found i32) (local $lane i32) (local $holes i32)
    (local $sample v128) (local $magnitude v128) (local $finite v128) (local $large v128)
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $lane (i32.const 0))
        (local.set $holes (i32.const 0))
        (loop $four
          (local.set $sample (v128.load align=4 (i32.add (local.get $rows) (i32.shl (local.get $lane) (i32.const 2)))))
          (local.set $magnitude
            (v128.and (local.get $sample) (v128.const i32x4 0x7fffffff 0x7fffffff 0x7fffffff 0x7fffffff)))
          (local.set $finite
            (i32x4.lt_s
              (local.get $magnitude)
              (v128.const i32x4 0x7f800000 0x7f800000 0x7f800000 0x7f800000)))
          (local.set $large
            (v128.or
              (local.get $large)
              (v128.and
                (local.get $finite)
                (i32x4.ge_s
                  (local.get $magnitude)
                  (v128.const i32x4 0x71800000 0x71800000 0x71800000 0x71800000)))))
          (v128.store align=4 (i32.add (local.get $rows) (i32.shl (local.get $lane) (i32.const 2)))
            (v128.and (local.get $sample) (local.get $finite)))
          (v128.store align=4 (i32.add (local.get $mask) (i32.shl (local.get $lane) (i32.const 2)))
            (v128.and (v128.const f32x4 1 1 1 1) (local.get $finite)))
          (local.set $holes
            (i32.or
              (local.get $holes)
              (i32.shl
                (i32.xor (i32x4.bitmask (local.get $finite)) (i32.const 15))
                (local.get $lane))))
          (local.set $lane (i32.add (local.get $lane) (i32.const 4)))
          (br_if $four (i32.lt_u (local.get $lane) (local.get $width))))
        (i32.store16 (local.get $bits) (local.get $holes))
        (local.set $found (i32.or (local.get $found) (i32.ne (local.get $holes) (i32.const 0))))
        (local.set $rows (i32.add (local.get $rows) (local.get $stride)))
        (local.set $mask (i32.add (local.get $mask) (local.get $stride)))
        (local.set $bits (i32.add (local.get $bits) (i32.const 2)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $row)))
    (i32.or
      (local.get $found)
      (i32.shl (v128.any_true (local.get $large)) (i32.const 1))))

  ;; Sums over a block that has a mask become weighted means, and what the mask gave becomes coverage, by the rule of
  ;; divide.ts: where an output sees a missing sample, sum / covered, NaN below `least`; elsewhere the sum itself, and 1.
  (func (export "divide")
    (param $width i32) (param $count i32)
    ;; Float32 [lane][count]: sums, which become trends, and what the mask gave, which becomes coverage.
    (param $sums i32) (param $covered i32)
    ;; Two integers for each lane: outputs below the first and from the second on see a missing sample.
    (param $bounds i32) (param $least f32)
    (local $t i32) (local $below i32) (local $from i32)
    (local $now v128) (local $holes v128) (local $sum v128) (local $cover v128)
    (local $belows v128) (local $froms v128) (local $leasts v128) (local $ones v128) (local $none v128)
    (local $fours i32)
    (local.set $leasts (f32x4.splat (local.get $least)))
    (local.set $ones (v128.const f32x4 1 1 1 1))
    (local.set $none (v128.const f32x4 nan nan nan nan))
    (local.set $fours (i32.and (local.get $count) (i32.const -4)))
    (loop $lanes
      (local.set $below (i32.load (local.get $bounds)))
      (local.set $from (i32.load offset=4 (local.get $bounds)))
      (local.set $t (i32.const 0))
      (local.set $now (v128.const i32x4 0 1 2 3))
      (local.set $belows (i32x4.splat (local.get $below)))
      (local.set $froms (i32x4.splat (local.get $from)))
      (block $done
        (loop $outputs
          (br_if $done (i32.ge_u (local.get $t) (local.get $count)))
          (if (i32.lt_u (local.get $t) (local.get $fours))
            (then
              (local.set $holes
                (v128.or
                  (i32x4.lt_s (local.get $now) (local.get $belows))
                  (i32x4.ge_s (local.get $now) (local.get $froms))))
              (local.set $sum (v128.load align=4 (local.get $sums)))
              (local.set $cover (v128.load align=4 (local.get $covered)))
              (v128.store align=4 (local.get $covered)
                (v128.bitselect
                  (f32x4.pmin (local.get $cover) (local.get $ones))
                  (local.get $ones)
                  (local.get $holes)))
              (v128.store align=4 (local.get $sums)
                (v128.bitselect
                  (v128.bitselect
                    (f32x4.div (local.get $sum) (local.get $cover))
                    (local.get $none)
                    (f32x4.ge (local.get $cover) (local.get $leasts)))
                  (local.get $sum)
                  (local.get $holes)))
              (local.set $now (i32x4.add (local.get $now) (v128.const i32x4 4 4 4 4)))
              (local.set $t (i32.add (local.get $t) (i32.const 4)))
              (local.set $sums (i32.add (local.get $sums) (i32.const 16)))
              (local.set $covered (i32.add (local.get $covered) (i32.const 16))))
            (else
              (if
                (i32.or
                  (i32.lt_s (local.get $t) (local.get $below))
                  (i32.ge_s (local.get $t) (local.get $from)))
                (then
                  (f32.store (local.get $sums)
                    (select
                      (f32.div (f32.load (local.get $sums)) (f32.load (local.get $covered)))
                      (f32.const nan)
                      (f32.ge (f32.load (local.get $covered)) (local.get $least))))
                  (f32.store (local.get $covered) (f32.min (f32.load (local.get $covered)) (f32.const 1))))
                (else (f32.store (local.get $covered) (f32.const 1))))
              (local.set $t (i32.add (local.get $t) (i32.const 1)))
              (local.set $sums (i32.add (local.get $sums) (i32.const 4)))
              (local.set $covered (i32.add (local.get $covered) (i32.const 4)))))
          (br $outputs)))
      (local.set $bounds (i32.add (local.get $bounds) (i32.const 8)))
      (local.set $width (i32.sub (local.get $width) (i32.const 1)))
      (br_if $lanes (local.get $width))))
)

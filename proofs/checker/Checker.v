(** The certificate checker: a function on integers that can be run. No real number occurs in this file; what it proves
    of a network is theorem [checked] of Sound.v.

    A certificate speaks of a network of degree 1 under L_p. Its free units are numbered 1, 2, 3, ...; the number 0
    stands for the ground, all of it.
    [link]          a connection: the numbers of its tail [from] and its head [to], integers [amplitude_low] and
                    [amplitude_high] that enclose its amplitude a = penalty |w|^p before balancing, and [cost_low] and
                    [cost_high] that enclose its cost penalty |w|^p when balanced. All four are over the common
                    denominator [amplitude_one].
    [certificate]   the links, and for every free unit, in the order of their numbers, integers (lo, hi) that enclose
                    s = exp(p x), x the balanced log-scale, over the common denominator [scale_one].
    [enclosed]      what is known of s at a unit, over [scale_one]: its bounds, and bounds of 1 / s; exactly one at the ground.
    [accumulate key value ls m]   adds the pair value l to the entry key l of m for every link l of ls; the ground has no
                    entry.
    [entering], [leaving]   what a link adds to the sums of its head and of its tail, at the lower bounds and at the upper bounds.
    [load one bounds n m]   the table of the units: what their bounds say of their scales, under the numbers n, n + 1, ...
    [check]         the bounds are in order, the units of all links exist, lo is strictly too low and hi strictly too
                    high at every free unit whatever the amplitudes in their enclosures, and the costs are enclosed.

    Too high is the inequality  sum_in a s_i / s_tail > sum_out a s_head / s_i, which is tested as
      one^2 sum_out a s_head < s_i^2 sum_in a floor(one^2 / s_tail)
    with the lower ends of the amplitudes on the right and the upper ends on the left; too low is the mirror image. *)
From Coq Require Import ZArith NArith List Bool FMapPositive.
Import ListNotations.
Open Scope Z_scope.

Record link := Link {
  from : N; to : N; amplitude_low : Z; amplitude_high : Z; cost_low : Z; cost_high : Z }.

Record certificate := Certificate {
  amplitude_one : Z; scale_one : Z; unit_bounds : list (Z * Z); links : list link }.

Definition table := PositiveMap.t.

(** A table leads from the first binary digit of a number to its last, so that numbers next to each other lie close by. *)
Fixpoint reversed (n last : positive) : positive :=
  match n with xH => last | xO n => reversed n (xO last) | xI n => reversed n (xI last) end.
Definition lookup {T} n (m : table T) := PositiveMap.find (reversed n 1) m.
Definition insert {T} n (v : T) (m : table T) := PositiveMap.add (reversed n 1) v m.

Definition entry (m : table (Z * Z)) n := match lookup n m with Some v => v | None => (0, 0) end.
Definition plus (a b : Z * Z) := (fst a + fst b, snd a + snd b).

Fixpoint accumulate (key : link -> N) (value : link -> Z * Z) ls (m : table (Z * Z)) : table (Z * Z) :=
  match ls with
  | [] => m
  | l :: ls =>
    accumulate key value ls
      match key l with N0 => m | Npos n => insert n (plus (entry m n) (value l)) m end
  end.

Record enclosed := Enclosed { scale_low : Z; scale_high : Z; inverse_low : Z; inverse_high : Z }.

Definition quotient_down one s := one * one / s.
Definition quotient_up one s := - (- (one * one) / s).
Definition scale_between one (b : Z * Z) :=
  Enclosed (fst b) (snd b) (quotient_down one (snd b)) (quotient_up one (fst b)).

Fixpoint load one (bounds : list (Z * Z)) (n : positive) (m : table enclosed) : table enclosed :=
  match bounds with
  | [] => m
  | b :: bounds => load one bounds (Pos.succ n) (insert n (scale_between one b) m)
  end.

Section Check.
Variables (one : Z) (ground : enclosed) (scales : table enclosed).

Definition scale_at (u : N) : option enclosed := match u with N0 => Some ground | Npos n => lookup n scales end.

Definition link_holds l : bool :=
  match scale_at (from l), scale_at (to l) with
  | Some t, Some h =>
    (0 <? amplitude_low l) && (amplitude_low l <=? amplitude_high l)
    && (cost_low l * scale_high t <=? amplitude_low l * scale_low h)
    && (amplitude_high l * scale_high h <=? cost_high l * scale_low t)
  | _, _ => false
  end.

Definition entering l : Z * Z :=
  match scale_at (from l) with
  | Some t => (amplitude_high l * inverse_high t, amplitude_low l * inverse_low t)
  | None => (0, 0)
  end.
Definition leaving l : Z * Z :=
  match scale_at (to l) with
  | Some h => (amplitude_low l * scale_low h, amplitude_high l * scale_high h)
  | None => (0, 0)
  end.

Definition too_low lo (into out : Z * Z) : bool := lo * lo * fst into <? one * one * fst out.
Definition too_high hi (into out : Z * Z) : bool := one * one * snd out <? hi * hi * snd into.

(** Of the units n, n + 1, ..., with what enters and what leaves them *)
Fixpoint units_hold (i o : table (Z * Z)) (bounds : list (Z * Z)) (n : positive) : bool :=
  match bounds with
  | [] => true
  | b :: bounds =>
    (0 <? fst b) && (fst b <=? snd b) && too_low (fst b) (entry i n) (entry o n) && too_high (snd b) (entry i n) (entry o n)
    && units_hold i o bounds (Pos.succ n)
  end.
End Check.

Definition check (c : certificate) : bool :=
  let one := scale_one c in
  let ground := scale_between one (one, one) in
  let scales := load one (unit_bounds c) 1 (PositiveMap.empty enclosed) in
  let i := accumulate to (entering ground scales) (links c) (PositiveMap.empty (Z * Z)) in
  let o := accumulate from (leaving ground scales) (links c) (PositiveMap.empty (Z * Z)) in
  (0 <? amplitude_one c) && (0 <? one) && forallb (link_holds ground scales) (links c)
  && units_hold one i o (unit_bounds c) 1.

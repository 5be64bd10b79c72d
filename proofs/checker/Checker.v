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
    [low], [high]   the bounds of a unit by its number; both are [scale_one] at the ground.
    [accumulate key value ls m]   adds value l to the entry key l of m for every link l of ls; the ground has no entry.
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

(** The table of a list: its members under the numbers n, n + 1, ... *)
Fixpoint load {T} (l : list T) (n : positive) (m : table T) : table T :=
  match l with [] => m | b :: l => load l (Pos.succ n) (PositiveMap.add n b m) end.

Definition entry (m : table Z) n := match PositiveMap.find n m with Some v => v | None => 0 end.

Fixpoint accumulate (key : link -> N) (value : link -> Z) ls (m : table Z) : table Z :=
  match ls with
  | [] => m
  | l :: ls =>
    accumulate key value ls
      match key l with N0 => m | Npos n => PositiveMap.add n (entry m n + value l) m end
  end.

Section Check.
Variables (one : Z) (bounds : table (Z * Z)).

Definition known (u : N) : bool :=
  match u with N0 => true | Npos n => match PositiveMap.find n bounds with Some _ => true | None => false end end.
Definition low (u : N) : Z :=
  match u with N0 => one | Npos n => match PositiveMap.find n bounds with Some b => fst b | None => 0 end end.
Definition high (u : N) : Z :=
  match u with N0 => one | Npos n => match PositiveMap.find n bounds with Some b => snd b | None => 0 end end.

Definition quotient_down s := one * one / s.
Definition quotient_up s := - (- (one * one) / s).

Definition link_holds l : bool :=
  known (from l) && known (to l) && (0 <? amplitude_low l) && (amplitude_low l <=? amplitude_high l)
  && (cost_low l * high (from l) <=? amplitude_low l * low (to l))
  && (amplitude_high l * high (to l) <=? cost_high l * low (from l)).

Definition into_low l := amplitude_high l * quotient_up (low (from l)).
Definition out_low l := amplitude_low l * low (to l).
Definition into_high l := amplitude_low l * quotient_down (high (from l)).
Definition out_high l := amplitude_high l * high (to l).

Definition too_low (lo into out : Z) : bool := lo * lo * into <? one * one * out.
Definition too_high (hi into out : Z) : bool := one * one * out <? hi * hi * into.

Definition check_with ls : bool :=
  let none := PositiveMap.empty Z in
  let il := accumulate to into_low ls none in
  let ol := accumulate from out_low ls none in
  let ih := accumulate to into_high ls none in
  let oh := accumulate from out_high ls none in
  (0 <? one)
  && forallb (fun b => (0 <? fst (snd b)) && (fst (snd b) <=? snd (snd b))) (PositiveMap.elements bounds)
  && forallb link_holds ls
  && forallb (fun b => too_low (fst (snd b)) (entry il (fst b)) (entry ol (fst b))
                       && too_high (snd (snd b)) (entry ih (fst b)) (entry oh (fst b)))
       (PositiveMap.elements bounds).
End Check.

Definition check (c : certificate) : bool :=
  (0 <? amplitude_one c)
  && check_with (scale_one c) (load (unit_bounds c) 1 (PositiveMap.empty (Z * Z))) (links c).

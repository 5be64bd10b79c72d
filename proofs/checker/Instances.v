(** Small certificates, run inside Coq: one that is accepted and that describes a network, and tampered ones that are
    rejected.

    [chain_certificate]  ground -> 1 -> 2 -> ground with amplitudes 4, 2, 1 to a millionth; balanced, both scales are
                    1/2 and all three costs are 2.
    [chain]         that network: unit 0 is its input, units 1 and 2 are free, unit 3 is its output; L_1 with weights
                    4, -2, 1. [number] numbers its units. *)
From Coq Require Import ZArith NArith Reals Psatz List Lia Lra.
From synbal Require Import Sums Graph Regularizer Checker Sound.
Import ListNotations.

Section Chain.
Open Scope Z_scope.
Definition first := Link 0 1 3999999 4000001 1999900 2000100.
Definition second := Link 1 2 1999999 2000001 1999900 2000100.
Definition third := Link 2 0 999999 1000001 1999900 2000100.
Definition of_units := Certificate 1000000 1048576.
Definition units_right := [(524276, 524300); (524276, 524300)].
Definition chain_certificate := of_units units_right [first; second; third].

Example chain_accepted : check chain_certificate = true.
Proof. vm_compute. reflexivity. Qed.

Example amplitude_tampered : check (of_units units_right [Link 0 1 3999001 3999003 0 9000000; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example amplitude_unknown : check (of_units units_right [Link 0 1 1 9000000 0 9000000; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example amplitude_zero : check (of_units units_right [Link 0 1 0 4000001 0 9000000; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example amplitude_inverted : check (of_units units_right [Link 0 1 4000001 3999999 0 9000000; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example scale_tampered : check (of_units [(524276, 524300); (524200, 524210)] [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example scales_inverted : check (of_units [(524300, 524276); (524300, 524276)] [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example scale_negative : check (of_units [(-524276, 524300); (-524276, 524300)] [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example denominator_zero : check (Certificate 1000000 0 units_right [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example amplitude_denominator_negative :
  check (Certificate (-1000000) 1048576 units_right [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

(** The other denominator at the ground moves the ground away from scale 1. *)
Example ground_tampered : check (Certificate 1000000 1048000 units_right [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example unit_out_of_range : check (of_units units_right [first; Link 1 3 1999999 2000001 0 9000000; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example unit_taken_for_ground : check (of_units units_right [first; Link 1 0 1999999 2000001 0 9000000; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example unit_without_links : check (of_units ((524276, 524300) :: units_right) [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example link_left_out : check (of_units units_right [first; second]) = false.
Proof. vm_compute. reflexivity. Qed.

Example cost_too_high : check (of_units units_right [Link 0 1 3999999 4000001 2000001 2000100; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

Example cost_too_low : check (of_units units_right [Link 0 1 3999999 4000001 1999900 1999999; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.

(** Bounds that no robust margin separates from the answer *)
Example bounds_too_tight : check (of_units [(524288, 524288); (524288, 524288)] [first; second; third]) = false.
Proof. vm_compute. reflexivity. Qed.
End Chain.

(** ** The network that the accepted certificate describes *)
Open Scope R_scope.
Definition one_posreal := mkposreal 1 Rlt_0_1.
Definition plain i j w (n : w <> 0) := Connection i j w n one_posreal false.
Lemma four_nonzero : 4 <> 0. Proof. lra. Qed.
Lemma minus_two_nonzero : -2 <> 0. Proof. lra. Qed.
Lemma one_nonzero : 1 <> 0. Proof. lra. Qed.
Definition chain := Graph [plain 0 1 4 four_nonzero; plain 1 2 (-2) minus_two_nonzero; plain 2 3 1 one_nonzero]
  (fun _ => one_posreal) (fun i => match i with 1 | 2 => true | _ => false end)%nat.
Definition number (i : nat) : N := match i with 1%nat => 1%N | 2%nat => 2%N | _ => 0%N end.

Lemma chain_described : describes number chain_certificate one_posreal chain.
Proof.
  split.
  - intros [|[|[|i]]]; simpl; congruence.
  - intros [|[|[|i]]]; simpl; try discriminate; intros _; [exists 0%nat|exists 1%nat]; split; auto; lia.
  - intros [|[|[|i]]] [|[|[|j]]]; simpl; congruence.
  - repeat constructor; simpl; try reflexivity;
      unfold amplitude; simpl; rewrite ?Rabs_Ropp, Rpower_1 by (apply Rabs_pos_lt; lra);
      unfold Rabs; destruct Rcase_abs; lra.
Qed.

(** So the balanced scale of unit 2 exists and is 1/2 within 12 parts in 524288. *)
Corollary chain_scale : exists x, minimum chain (power one_posreal) x /\
  524276 / 1048576 <= exp (1 * x 2%nat) <= 524300 / 1048576.
Proof.
  destruct (checked chain_certificate number one_posreal chain chain_accepted chain_described ltac:(intro; reflexivity))
    as [x [M [_ [B _]]]].
  exists x. split; [exact M|]. exact (B 2%nat 1%nat 524276%Z 524300%Z eq_refl eq_refl eq_refl).
Qed.

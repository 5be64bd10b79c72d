(** Balancings of connected units do not commute.

    The chain 0 -> 1 -> 2 -> 3 with free units 1 and 2, degree 1, p = 1, weights exp(6), 1, 1 (in log-scales the sums come
    out rational). *)
From Coq Require Import Reals Psatz List Arith.
From synbal Require Import Sums Graph Regularizer OneUnit PowerStep Manifold.
Import ListNotations.
Open Scope R_scope.

Definition one := mkposreal 1 Rlt_0_1.
Lemma exp_six : exp 6 <> 0. Proof. pose proof (exp_pos 6). lra. Qed.
Definition strong := Connection 0 1 (exp 6) exp_six one false.
Definition chain := Graph [strong; plain 1 2; plain 2 3] (fun _ => one) (fun i => Nat.eqb i 1 || Nat.eqb i 2)%bool.

(** Balancing unit i in closed form *)
Definition balance i x := set x i (closed_form 1 chain i x).
Definition start : point := fun _ => 0.

Lemma cost_strong t : power_cost 1 strong t = exp (6 + t).
Proof.
  rewrite power_cost_exp. unfold amplitude. simpl. rewrite Rabs_right by (left; apply exp_pos).
  rewrite Rpower_1 by apply exp_pos. rewrite Rmult_1_l, Rmult_1_l, <- exp_plus. reflexivity.
Qed.

Lemma cost_plain i j t : power_cost 1 (plain i j) t = exp t.
Proof.
  rewrite power_cost_exp. unfold amplitude. simpl. rewrite Rabs_R1, Rpower_1 by lra. now rewrite !Rmult_1_l.
Qed.

Lemma shift_of_exps a b : best_shift (exp a) (exp b) 1 1 = (b - a) / 2.
Proof.
  unfold best_shift, Rdiv. rewrite Rmult_1_l, ln_mult, ln_Rinv, !ln_exp by auto using exp_pos, Rinv_0_lt_compat. lra.
Qed.

Lemma balance_one x : balance 1 x = set x 1 (x 1%nat + ((x 2%nat - x 1%nat) - (6 + (x 1%nat - x 0%nat))) / 2).
Proof.
  unfold balance, closed_form, inflow, outflow, into, out_of. simpl.
  rewrite cost_strong, cost_plain, !Rplus_0_l, !Rplus_0_r. unfold exponent. simpl.
  rewrite shift_of_exps, !Rmult_1_l. reflexivity.
Qed.

Lemma balance_two x : balance 2 x = set x 2 (x 2%nat + ((x 3%nat - x 2%nat) - (x 2%nat - x 1%nat)) / 2).
Proof.
  unfold balance, closed_form, inflow, outflow, into, out_of. simpl.
  rewrite !cost_plain, !Rplus_0_l, !Rplus_0_r. unfold exponent. simpl.
  rewrite shift_of_exps, !Rmult_1_l. reflexivity.
Qed.

(** Unit 1 first gives unit 1 the log-scale -3; unit 2 first gives it -3 as well, but unit 2 gets -3/2 against 0. *)
Theorem balancings_need_not_commute :
  balance 2 (balance 1 start) 2%nat = -3 / 2 /\ balance 1 (balance 2 start) 2%nat = 0.
Proof.
  rewrite balance_one, (balance_two start), balance_two, balance_one. unfold set, start. simpl. split; field.
Qed.
